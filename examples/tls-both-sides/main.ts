import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, writeFolder } from '@nbdjs/certificates';
import { connect } from '@nbdjs/client';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen, serverTls } from '@nbdjs/transport';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const authority = await createAuthority({ name: 'CN=Example CA' });
const server = await authority.issueServer({ hosts: ['localhost'] });
for (const name of ['alice', 'mallory']) {
  writeFolder(join(folder, name), { authority, server, client: await authority.issueClient({ name: `CN=${name}` }) });
}

const path = join(folder, 'socket');
const serving = await serve(
  { type: 'unix', path },
  {
    listen,
    exports: { disk: createMemoryDevice({ size: 2 ** 20 }) },
    tls: serverTls({ mode: 'require', certificates: { folder: join(folder, 'alice') }, allow: ['CN=alice'] }),
  },
);

for (const name of ['alice', 'mallory']) {
  try {
    const tls = { certificates: { folder: join(folder, name) }, hostname: 'localhost' };
    const disk = await connect({ path, exportName: 'disk' }, { tls });
    console.log(`${name}: ${disk.geometry.size} bytes`);
    await disk.close();
  } catch (error) {
    console.log(`${name}: ${(error as { code: string }).code}`);
  }
}

await serving.close();
rmSync(folder, { recursive: true });
