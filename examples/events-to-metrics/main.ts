import { subscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

const counts = new Map<string, number>();
const events = ['established', 'closed', 'request-failed'];
for (const event of events) {
  subscribe(`nbdjs:server:${event}`, () => counts.set(event, (counts.get(event) ?? 0) + 1));
}

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const path = join(folder, 'socket');
const disk = createMemoryDevice({ size: 2 ** 20 });
const serving = await serve({ type: 'unix', path }, { listen, exports: { disk } });
for (let round = 0; round < 3; round++) {
  const client = await connect({ path, exportName: 'disk' });
  await client.readBytes(0, 512);
  await client.close();
}
await serving.close();

for (const event of events) console.log(`${event}: ${counts.get(event) ?? 0}`);
console.log(`requests: ${serving.server.statistics.requests}`);
rmSync(folder, { recursive: true });
