import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const device = createMemoryDevice({ size: 1024 * 1024 });
await device.write(0, new TextEncoder().encode('hello, block device'));
const serving = await serve({ type: 'unix', path: join(folder, 'socket') }, { listen, exports: { disk: device } });

const disk = await connect(`nbd+unix:///disk?socket=${join(folder, 'socket')}`);
console.log(`size: ${disk.geometry.size} bytes, read-only: ${disk.abilities.readOnly}`);
console.log(new TextDecoder().decode(await disk.readBytes(0, 19)));
await disk.close();

await serving.close();
rmSync(folder, { recursive: true });
