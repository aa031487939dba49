/**
 * The load of load.ts by the JavaScript client that is common today: `incumbent-load.mjs PORT BLOCK_BYTES DEPTH SECONDS`. It is copied
 * to where that client is installed, together with node-counters.mjs.
 */
import NbdClient from '@vates/nbd-client';
import { beginCounting } from './node-counters.mjs';

const [port, blockBytes, depth, seconds] = process.argv.slice(2).map(Number);
const client = new NbdClient({ address: '127.0.0.1', port, exportname: '' });
await client.connect();
const blocks = Math.floor(2 ** 30 / blockBytes);
let requests = 0;
let isOver = false;

async function lane() {
  for (; !isOver; requests++) await client.readBlock(Math.floor(Math.random() * blocks), blockBytes);
}

async function run(ms) {
  isOver = false;
  requests = 0;
  setTimeout(() => {
    isOver = true;
  }, ms);
  await Promise.all(Array.from({ length: depth }, lane));
}

await run(500);
process.stdout.write('begin\n');
const endCounting = beginCounting();
const before = process.cpuUsage();
const start = performance.now();
await run(seconds * 1000);
const elapsed = (performance.now() - start) / 1000;
const { user, system } = process.cpuUsage(before);
const node = endCounting();
const used = { processorSeconds: (user + system) / 1e6 };
process.stdout.write(`${JSON.stringify({ perSecond: requests / elapsed, requests, used, node })}\n`);
await client.disconnect();
process.exit(0);
