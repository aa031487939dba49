/**
 * A load on one connection, as a process of its own: `load.ts URI read|write DEPTH BLOCK_BYTES SECONDS [OPTIONS]`, the options
 * being those of `connect`, as JSON. Prints one line of JSON: requests per second, and seconds of processor time per gigabyte.
 */
import { type ConnectOptions, connect } from '@nbdjs/client';

const [uri = '', command = 'read', depth = '64', blockBytes = '4096', seconds = '3', options = '{}'] =
  process.argv.slice(2);

const client = await connect(uri, { contexts: [], ...(JSON.parse(options) as ConnectOptions) });
const length = Number(blockBytes);
const blocks = Math.floor(Number(client.geometry.size) / length);
let count = 0;
let isOver = false;

async function lane(): Promise<void> {
  const buffer = new Uint8Array(length);
  while (!isOver) {
    const offset = Math.floor(Math.random() * blocks) * length;
    if (command === 'read') await client.read(offset, buffer);
    else await client.write(offset, buffer);
    count++;
  }
}

const run = async (ms: number): Promise<{ seconds: number; count: number; cpu: number }> => {
  isOver = false;
  count = 0;
  setTimeout(() => {
    isOver = true;
  }, ms);
  const start = performance.now();
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: Number(depth) }, lane));
  const { user, system } = process.cpuUsage(before);
  return { seconds: (performance.now() - start) / 1000, count, cpu: (user + system) / 1e6 };
};

// The compiler of the runtime has to warm up, as it has in any process that lives longer than a moment.
await run(500);
const result = await run(Number(seconds) * 1000);
process.stdout.write(
  `${JSON.stringify({ perSecond: result.count / result.seconds, cpuSecondsPerGb: result.cpu / ((result.count * length) / 1e9) })}\n`,
);
await client.close();
