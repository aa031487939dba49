import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { serve } from '@nbdjs/server';
import { defineDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

const ruler = defineDevice({
  size: 2 ** 40,
  read(offset, target) {
    for (let index = 0; index < target.length; index++) target[index] = (offset + index) & 0xff;
  },
});

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const path = join(folder, 'socket');
const serving = await serve({ type: 'unix', path }, { listen, exports: { ruler } });

const client = await connect({ path, exportName: 'ruler' });
console.log(await client.readBytes(2 ** 39 + 254, 4));
await client.write(0, Uint8Array.of(1)).catch((error: Error) => console.log(error.message));
await client.close();

await serving.close();
rmSync(folder, { recursive: true });
