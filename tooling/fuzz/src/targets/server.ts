/** The whole server against hostile clients: from the first byte, and past a good handshake in each mode. */
import { type BlockDevice, type HeaderMode, UsageError } from '@nbdjs/interfaces';
import { createServer } from '@nbdjs/server';
import { createMemoryDevice } from '@nbdjs/storage';
import { seededRandom, VirtualClock } from '@nbdjs/testkit';
import { HostileChannel, randomCut } from '../hostile-channel.ts';
import { sessions } from '../sessions.ts';
import { finishWithin } from '../settling.ts';
import { type Input, insist, type Target } from '../target.ts';
import { optionScripts, requestScripts, wayIn } from './grammar.ts';

const deviceBytes = 65_536;
const serverBytesMax = 1024 * 1024;
const payloadBytesMax = 64 * 1024;
const patienceMs = 4000;
/** All that the limits below add up to, and some more. */
const enoughMs = 60_000;

/** A device that answers at once, or later, or with an error. */
function makeDevice(random: () => number): BlockDevice {
  const memory = createMemoryDevice({ size: deviceBytes, readOnly: random() < 0.1 });
  if (!memory.abilities.readOnly) memory.write(0, new Uint8Array(10_000).fill(1));
  if (random() < 0.4) return memory;
  const failsOften = random() < 0.3;
  const around = <Result>(work: () => Result): Promise<Awaited<Result>> =>
    new Promise((resolve, reject) => {
      setImmediate(() => {
        if (failsOften && random() < 0.5) reject(new UsageError('ERR_NBD_OUT_OF_BOUNDS', 'it happens'));
        else Promise.resolve(work()).then(resolve, reject);
      });
    });
  const extents = Array.from({ length: deviceBytes / 16 }, (_, index) => ({
    offset: BigInt(16 * index),
    length: 16n,
    status: BigInt(index % 3),
  }));
  return {
    geometry: { ...memory.geometry, minimumBlockSize: random() < 0.3 ? 512 : 1 },
    abilities: { ...memory.abilities, contexts: ['base:allocation', 'x:y', 'qemu:many'] },
    read: (offset, target, options) => around(() => memory.read(offset, target, options)),
    write: (offset, source, options) => around(() => memory.write(offset, source, options)),
    flush: (options) => around(() => memory.flush(options)),
    trim: (offset, length, options) => around(() => memory.trim(offset, length, options)),
    writeZeroes: (offset, length, options) => around(() => memory.writeZeroes(offset, length, options)),
    cache: (offset, length, options) => around(() => memory.cache(offset, length, options)),
    // As many extents as there can be, of as many contexts as are asked for.
    blockStatus: (_offset, _length, options) =>
      around(() => (options?.contexts ?? []).map((context) => ({ context, extents }))),
    close: () => memory.close(),
  };
}

async function serve({ seed, bytes }: Input, prefix: Uint8Array): Promise<void> {
  const random = seededRandom(seed);
  const clock = new VirtualClock();
  const device = makeDevice(random);
  const server = createServer({
    exports: { disk: { device, resizable: random() < 0.3 } },
    clock,
    limits: {
      handshakeMs: patienceMs,
      stallMs: patienceMs,
      sendStallMs: patienceMs,
      pressureMs: patienceMs,
      idleMs: patienceMs,
      closeMs: 1000,
      serverBytesMax,
      payloadBytesMax,
    },
  });
  const channel = new HostileChannel(new Uint8Array(Buffer.concat([prefix, bytes])), {
    cut: randomCut(random),
    reads: random() < 0.8,
  });
  // Some peers hang up, and some stay and are silent.
  if (random() < 0.5) channel.endByPeer();
  let isGone = false;
  let most = 0;
  const look = (): boolean => {
    most = Math.max(most, server.bytesInFlight);
    return isGone;
  };
  void server.accept(channel).then(() => {
    isGone = true;
  });
  const shutsDown = random() < 0.1;
  if (shutsDown) void server.close();
  await finishWithin(clock, enoughMs, look, 'the session');
  await server.destroy();
  if (channel.crash !== undefined) throw channel.crash;
  insist(server.sessions.length === 0, 'a session is left over');
  insist(server.bytesInFlight === 0, `${server.bytesInFlight} bytes are in flight without a request`);
  insist(most <= serverBytesMax + 4 * payloadBytesMax, `${most} bytes were in use`);
  await clock.advance(10_000);
  insist(clock.pending === 0, `${clock.pending} timers are left over`);
  await device.close();
}

const behind = (mode: HeaderMode): Target => {
  const prefix = wayIn(mode);
  return {
    name: `requests-${mode}`,
    corpus: () => [
      ...sessions()
        .filter((session) => session.mode === mode && session.requests.length > 0)
        .map(({ requests }) => requests),
      ...requestScripts(mode),
    ],
    run: (input) => serve(input, prefix),
  };
};

export const wholeServer: Target = {
  name: 'server',
  corpus: () => [
    ...sessions().map(({ client }) => client),
    ...optionScripts(),
    ...(['simple', 'structured', 'extended'] as const).map(
      (mode) => new Uint8Array(Buffer.concat([wayIn(mode), ...requestScripts(mode).slice(0, 1)])),
    ),
  ],
  run: (input) => serve(input, new Uint8Array(0)),
};

export const requestTargets: readonly Target[] = [behind('simple'), behind('structured'), behind('extended')];
