/**
 * A load, as a process of its own: `load.ts URI read|write DEPTH BLOCK_BYTES SECONDS [OPTIONS [CLIENTS [retain]]]`, the options being
 * those of `connect`, as JSON. With several clients each has requests of that depth in flight. With `retain`, writes lend their memory until
 * a flush has covered it, and take memory that has come back. In place of the seconds `COUNTx` ends it after
 * that many requests, without warming up. It then waits for a line of standard input before the first request, and for the end of the
 * input after the last one, so that another program can watch just what is between.
 *
 * Prints `begin` when it is warm, and at the end a line of JSON: requests per second, processor time, and what Node counted.
 */
import { once } from 'node:events';
import { type ConnectOptions, connect } from '@nbdjs/client';
import { beginCounting } from './node-counters.mjs';
import type { ProcessReading } from './processes/proc-texts.ts';
import { readProcess, usedBetween } from './processes/process-reading.ts';

const [
  uri = '',
  command = 'read',
  depth = '64',
  blockBytes = '4096',
  duration = '3',
  options = '{}',
  clientCount = '1',
  retain = '',
] = process.argv.slice(2);

const length = Number(blockBytes);
const clients = await Promise.all(
  Array.from({ length: Number(clientCount) }, () =>
    connect(uri, { contexts: [], ...(JSON.parse(options) as ConnectOptions) }),
  ),
);
const [first] = clients as [(typeof clients)[0], ...typeof clients];
const blocks = Math.floor(Number(first.geometry.size) / length);
let count = 0;
let countMax = Number.POSITIVE_INFINITY;

/** Memory that has come back. */
const spares: Uint8Array[] = [];

async function lane(client: typeof first): Promise<void> {
  const buffer = new Uint8Array(length);
  while (count < countMax) {
    count++;
    const offset = Math.floor(Math.random() * blocks) * length;
    if (command === 'read') await client.read(offset, buffer);
    else if (retain !== '') await writeRetained(client, offset);
    else await client.write(offset, buffer);
  }
}

function writeRetained(client: typeof first, offset: number): void | Promise<void> {
  const memory = spares.pop() ?? new Uint8Array(length);
  return client.retainedWrites.writeRetained(offset, memory, () => spares.push(memory));
}

async function run(ms: number, requestsMax = Number.POSITIVE_INFINITY): Promise<{ seconds: number; requests: number }> {
  count = 0;
  countMax = requestsMax;
  const timer = setTimeout(() => {
    countMax = 0;
  }, ms);
  const start = performance.now();
  await Promise.all(clients.flatMap((client) => Array.from({ length: Number(depth) }, () => lane(client))));
  clearTimeout(timer);
  return { seconds: (performance.now() - start) / 1000, requests: count };
}

/** A line of standard input, or its end. */
function told(): Promise<unknown> {
  return Promise.race([once(process.stdin, 'data'), once(process.stdin, 'end')]);
}

const isCounted = duration.endsWith('x');
// The compiler of the runtime has to warm up, as it has in any process that lives longer than a moment.
if (!isCounted) await run(500);
process.stdout.write('begin\n');
if (isCounted) await told();
const before = readProcess('self') as ProcessReading;
const endCounting = beginCounting();
const cpu = process.cpuUsage();
const { seconds, requests } = isCounted
  ? await run(2 ** 31 - 1, Number.parseInt(duration, 10))
  : await run(Number(duration) * 1000);
const { user, system } = process.cpuUsage(cpu);
const node = endCounting();
const used = { ...usedBetween(before, readProcess('self') as ProcessReading), processorSeconds: (user + system) / 1e6 };
const perSecond = requests / seconds;
const cpuSecondsPerGb = used.processorSeconds / ((requests * length) / 1e9);
process.stdout.write(`${JSON.stringify({ perSecond, cpuSecondsPerGb, seconds, requests, used, node })}\n`);
if (isCounted && !process.stdin.readableEnded) await told();
await Promise.all(clients.map((client) => client.close()));
