/**
 * What a request costs on our side, without sockets: `pnpm --filter @nbdjs/bench in-memory [SECONDS [NAME]]`.
 *
 * The figures include the peer, which for 4 KiB reads mostly copies: run with `--cpu-prof` to see the shares.
 */
import type { Clock, HeaderMode } from '@nbdjs/interfaces';
import { createMultiplexer, type Multiplexer } from '@nbdjs/multiplexer';
import { immediateConnector } from './immediate-peer.ts';

const clock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, task) {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};

interface Load {
  readonly name: string;
  readonly mode: HeaderMode;
  readonly depth: number;
  readonly blockBytes: number;
  readonly work: (device: Multiplexer, offset: number, memory: Uint8Array) => unknown;
}

const read: Load['work'] = (device, offset, memory) => device.read(offset, memory);
const write: Load['work'] = (device, offset, memory) => device.write(offset, memory);
const signal = new AbortController().signal;

const loads: readonly Load[] = [
  { name: 'read', mode: 'structured', depth: 64, blockBytes: 4096, work: read },
  { name: 'read, simple replies', mode: 'simple', depth: 64, blockBytes: 4096, work: read },
  { name: 'read of 512 bytes', mode: 'structured', depth: 64, blockBytes: 512, work: read },
  { name: 'write', mode: 'structured', depth: 64, blockBytes: 4096, work: write },
  { name: 'write of 16 KiB', mode: 'structured', depth: 64, blockBytes: 16_384, work: write },
  { name: 'write of 64 KiB', mode: 'structured', depth: 64, blockBytes: 65_536, work: write },
  { name: 'flush', mode: 'structured', depth: 64, blockBytes: 4096, work: (device) => device.flush() },
  {
    name: 'read with a signal',
    mode: 'structured',
    depth: 64,
    blockBytes: 4096,
    work: (device, offset, memory) => device.read(offset, memory, { signal }),
  },
  {
    name: 'write with FUA',
    mode: 'structured',
    depth: 64,
    blockBytes: 4096,
    work: (device, offset, memory) => device.write(offset, memory, { fua: true }),
  },
  { name: 'read', mode: 'structured', depth: 1, blockBytes: 4096, work: read },
  { name: 'read', mode: 'structured', depth: 16, blockBytes: 262_144, work: read },
];

const seconds = Number(process.argv[2] ?? 1);
const only = process.argv[3];
for (const load of loads) if (only === undefined || load.name === only) await measure(load);

async function measure({ name, mode, depth, blockBytes, work }: Load): Promise<void> {
  const connector = immediateConnector(mode);
  const device = createMultiplexer({ connector, clock, defer: (task) => process.nextTick(task) });
  await device.open();
  const blocks = Math.floor(Number(device.geometry.size) / blockBytes);
  let count = 0;
  const run = async (untilMs: number): Promise<void> => {
    const memory = new Uint8Array(blockBytes);
    while (performance.now() < untilMs) {
      for (let turn = 0; turn < 64; turn++) await work(device, Math.floor(Math.random() * blocks) * blockBytes, memory);
      count += 64;
    }
  };
  const all = (forMs: number): Promise<unknown> => {
    const untilMs = performance.now() + forMs;
    return Promise.all(Array.from({ length: depth }, () => run(untilMs)));
  };
  await all(300);
  count = 0;
  const sends = connector.peer.sendCount;
  const started = performance.now();
  await all(seconds * 1000);
  const nanoseconds = ((performance.now() - started) * 1e6) / count;
  const perSend = count / (connector.peer.sendCount - sends);
  const what = `${name}, ${blockBytes} bytes, depth ${depth}`.padEnd(44);
  console.log(`${what} ${nanoseconds.toFixed(0).padStart(7)} ns per request, ${perSend.toFixed(1)} requests per write`);
  device.destroy();
}
