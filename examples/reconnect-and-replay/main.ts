import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const path = join(folder, 'socket');
const start = () => {
  const disk = createMemoryDevice({ size: 2 ** 20 });
  return serve({ type: 'unix', path }, { listen, exports: { disk } });
};

const first = await start();
const disk = await connect({ path, exportName: 'disk' }, { reconnectDelayMs: 30_000 });
await disk.write(0, new TextEncoder().encode('not flushed yet'));
first.server.destroy();
await first.close();
console.log('the server is gone, and its memory with it');

const second = await start();
await disk.flush();
console.log(`after the restart: ${new TextDecoder().decode(await disk.readBytes(0, 15))}`);
await disk.close();

await second.close();
rmSync(folder, { recursive: true });
