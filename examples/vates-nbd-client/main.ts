import { serve } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { listen } from '@nbdjs/transport';
import NbdClient from './index.ts';
import MultiNbdClient from './multi.ts';

const disk = createMemoryDevice({ size: 300_000 });
await disk.write(65_536, new Uint8Array(1000).fill(0xab));
const serving = await serve({ type: 'tcp', host: '127.0.0.1', port: 0 }, { listen, exports: { disk } });
const settings = { address: '127.0.0.1', port: serving.address.port, exportname: 'disk' };

const client = new NbdClient(settings);
await client.connect();
console.log(`${client.exportName}: ${client.exportSize} bytes`);
console.log(`block 1 begins with ${(await client.readBlock(1)).subarray(0, 4).toString('hex')}`);
for (const { offset, length, description } of await client.getMap()) console.log(offset, length, description);
await client.disconnect();

const multi = new MultiNbdClient([settings], { nbdConcurrency: 3, readAhead: 4 });
await multi.connect();
const lengths: number[] = [];
for await (const block of multi.readBlocks()) lengths.push(block.length);
console.log(lengths.join(' '));
await multi.disconnect();

await serving.close();
