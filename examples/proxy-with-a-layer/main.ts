import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@nbdjs/client';
import { systemClock } from '@nbdjs/node';
import { serve } from '@nbdjs/server';
import { createLogLayer, createMemoryDevice, createReadOnlyLayer } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-example-'));
const disk = createMemoryDevice({ size: 2 ** 20 });
const origin = await serve({ type: 'unix', path: join(folder, 'origin') }, { listen, exports: { disk } });

const upstream = await connect({ path: join(folder, 'origin'), exportName: 'disk' });
const logged = createLogLayer(createReadOnlyLayer(upstream), {
  clock: systemClock,
  log: ({ command, offset, length }) => console.log(`${command} ${offset} ${length}`),
});
const proxy = await serve({ type: 'unix', path: join(folder, 'proxy') }, { listen, exports: { disk: logged } });

const client = await connect({ path: join(folder, 'proxy'), exportName: 'disk' });
await client.readBytes(4096, 512);
console.log(`read-only: ${client.abilities.readOnly}`);
await client.close();

await proxy.close();
await upstream.close();
await origin.close();
rmSync(folder, { recursive: true });
