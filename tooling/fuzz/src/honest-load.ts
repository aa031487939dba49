/**
 * Honest clients, as a process of their own: `honest-load.ts URI CLIENTS SECONDS`. They write to places of their own, read them
 * again, and look at every byte. Prints one line of JSON with how many requests a second were answered, or fails.
 */
import { connect } from '@nbdjs/client';
import { seededRandom } from '@nbdjs/testkit';

const [uri = '', clients = '2', seconds = '5'] = process.argv.slice(2);
const areaBytes = 1024 * 1024;
const lanes = 8;
const blockBytes = 16 * 1024;
let requests = 0;
let isOver = false;

async function lane(client: Awaited<ReturnType<typeof connect>>, base: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const written = new Uint8Array(blockBytes);
  const seen = new Uint8Array(blockBytes);
  while (!isOver) {
    const offset = base + Math.floor(random() * (areaBytes / lanes / blockBytes)) * blockBytes;
    written.fill(Math.floor(random() * 256));
    await client.write(offset, written);
    await client.read(offset, seen);
    if (Buffer.compare(seen, written) !== 0) throw new Error(`wrong bytes at ${offset}`);
    requests += 2;
  }
}

const clientNumbers = Array.from({ length: Number(clients) }, (_, index) => index);
// During a flood, a client may have to connect more than once.
const options = { delivery: 'inline', openTimeoutMs: 15_000, requestTimeoutMs: 20_000 } as const;
const connected = await Promise.all(clientNumbers.map(() => connect(uri, options)));
const start = performance.now();
setTimeout(() => {
  isOver = true;
}, 1000 * Number(seconds));
await Promise.all(
  connected.flatMap((client, index) =>
    Array.from({ length: lanes }, (_, number) => {
      const base = index * areaBytes + (number * areaBytes) / lanes;
      return lane(client, base, index * lanes + number);
    }),
  ),
);
const perSecond = (1000 * requests) / (performance.now() - start);
for (const client of connected) await client.close();
process.stdout.write(`${JSON.stringify({ perSecond })}\n`);
