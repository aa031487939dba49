import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { AllocationStatus } from '@nbdjs/interfaces';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

const mebi = 2 ** 20;
const device = createMemoryDevice({ size: 64 * mebi });
await device.write(5 * mebi, new Uint8Array(2 * mebi).fill(1));
await device.write(40 * mebi, new Uint8Array(mebi).fill(2));

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const path = join(folder, 'socket');
const serving = await serve({ type: 'unix', path }, { listen, exports: { disk: device } });

const disk = await connect({ path, exportName: 'disk' });
for await (const { offset, length, status } of disk.extents()) {
  const isHole = (Number(status) & AllocationStatus.Hole) !== 0;
  console.log(`${offset} ${length} ${isHole ? 'hole' : 'data'}`);
}
await disk.close();

await serving.close();
rmSync(folder, { recursive: true });
