/** Streams of a device at the end of a link, in virtual time. */
import { once } from 'node:events';
import type { BlockDevice, Offset, ReadOptions } from '@nbdjs/interfaces';
import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import type { ReadStreamOptions } from './stream-options.ts';
import { createReadStream, createWriteStream } from './streams.ts';

const mebi = 2 ** 20;

interface Link {
  readonly roundTripMs: number;
  readonly bytesPerMs: number;
}

/** A device whose answers take the time of a link. Each read puts its offset where its bytes begin. */
class FarDevice {
  readonly clock = new VirtualClock();
  readonly lengths: number[] = [];
  readonly geometry: BlockDevice['geometry'];
  begunBytes = 0;
  abortedReads = 0;
  readonly #link: Link;
  #freeMs = 0;

  constructor(link: Link, maximumBlockSize = 32 * mebi, size = 2n ** 40n) {
    this.#link = link;
    this.geometry = { size, minimumBlockSize: 1, preferredBlockSize: 4096, maximumBlockSize };
  }

  read(offset: Offset, target: Uint8Array, { signal }: ReadOptions = {}): Promise<void> {
    const { roundTripMs, bytesPerMs } = this.#link;
    const nowMs = this.clock.now();
    this.lengths.push(target.length);
    this.begunBytes += target.length;
    this.#freeMs = Math.max(nowMs + roundTripMs, this.#freeMs) + target.length / bytesPerMs;
    return new Promise((resolve, reject) => {
      const cancel = this.clock.schedule(this.#freeMs - nowMs, () => {
        new DataView(target.buffer).setBigUint64(0, BigInt(offset));
        resolve();
      });
      signal?.addEventListener('abort', () => {
        this.abortedReads++;
        cancel();
        reject(signal.reason);
      });
    });
  }

  stream(options: ReadStreamOptions = {}) {
    return createReadStream(this as unknown as BlockDevice, options, this.clock);
  }
}

/** Reads until `untilMs`, at most one piece every `pauseMs`. Returns the bytes since `sinceMs` for each millisecond. */
async function readFrom(device: FarDevice, options: ReadStreamOptions, untilMs: number, sinceMs = 0): Promise<number> {
  const stream = device.stream(options);
  let [position, bytes] = [0, 0];
  stream.on('data', (chunk: Buffer) => {
    expect(chunk.readBigUInt64BE()).toBe(BigInt(position));
    position += chunk.length;
    if (device.clock.now() >= sinceMs) bytes += chunk.length;
  });
  await device.clock.advance(untilMs);
  stream.destroy();
  await once(stream, 'close');
  return bytes / (untilMs - sinceMs);
}

describe('a stream that follows its link', () => {
  it.each([
    { roundTripMs: 0.1, bytesPerMs: 100e3 },
    { roundTripMs: 5, bytesPerMs: 400e3 },
    { roundTripMs: 50, bytesPerMs: 10e3 },
    { roundTripMs: 50, bytesPerMs: 400e3 },
    { roundTripMs: 200, bytesPerMs: 200e3 },
  ])('brings what $roundTripMs ms and $bytesPerMs bytes/ms can give', async (link) => {
    const bytesPerMs = await readFrom(new FarDevice(link), { requests: 'auto' }, 3000, 1500);
    expect(bytesPerMs).toBeGreaterThan(0.9 * link.bytesPerMs);
  });

  it('brings more than one with a fixed number of reads', async () => {
    const bytesPerMs = await readFrom(new FarDevice({ roundTripMs: 50, bytesPerMs: 400e3 }), {}, 1000, 500);
    expect(bytesPerMs).toBeLessThan(90e3);
  });

  it('makes longer reads only where the server is far away, and takes them', async () => {
    const far = { roundTripMs: 50, bytesPerMs: 400e3 };
    const longest = async (device: FarDevice, options: ReadStreamOptions = {}): Promise<number> => {
      await readFrom(device, { requests: 'auto', ...options }, 500);
      return Math.max(...device.lengths);
    };
    expect(await longest(new FarDevice(far))).toBe(mebi);
    expect(await longest(new FarDevice(far, mebi / 2))).toBe(mebi / 4);
    expect(await longest(new FarDevice(far, 4096), { queueBytesMax: mebi })).toBe(4096);
    expect(await longest(new FarDevice(far), { requestSize: 65_536 })).toBe(65_536);
    expect(await longest(new FarDevice({ roundTripMs: 0.1, bytesPerMs: 100e3 }))).toBe(mebi / 4);
  });

  it.each([1, 4 * mebi, 16 * mebi, 64 * mebi])(
    'holds no more than %d bytes for a reader that is slow',
    async (queueBytesMax) => {
      const device = new FarDevice({ roundTripMs: 50, bytesPerMs: 1e6 });
      const stream = device.stream({ requests: 'auto', queueBytesMax });
      const pieces = stream[Symbol.asyncIterator]();
      let takenBytes = 0;
      const most = Math.max(queueBytesMax, mebi / 4);
      for (let taken = 0; taken < 200; taken++) {
        let piece: Buffer | undefined;
        void pieces.next().then(({ value }) => {
          piece = value;
        });
        await device.clock.advance(taken < 100 ? 60 : 0);
        while (piece === undefined) await device.clock.advance(2);
        takenBytes += (piece as Buffer).length;
        // Up to two pieces are in the stream itself: one that is given and one that waits.
        expect(device.begunBytes - takenBytes).toBeLessThanOrEqual(most + 2 * mebi);
      }
      await pieces.return?.();
    },
  );

  it('ends at the end of its range, with a part of a read', async () => {
    const device = new FarDevice({ roundTripMs: 50, bytesPerMs: 1e6 }, 32 * mebi, BigInt(100 * mebi + 11));
    let bytes = 0;
    const stream = device.stream({ requests: 'auto' }).on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    const ended = once(stream, 'end');
    await device.clock.advance(2000);
    await ended;
    expect(bytes).toBe(100 * mebi + 11);
    expect(device.begunBytes).toBe(bytes);
  });

  it('leaves no read in flight when it is destroyed', async () => {
    const device = new FarDevice({ roundTripMs: 50, bytesPerMs: 400e3 });
    await readFrom(device, { requests: 'auto' }, 400);
    expect(device.clock.pending).toBe(0);
    expect(device.abortedReads).toBeGreaterThan(32);
  });
});

describe('options of streams', () => {
  const device = new FarDevice({ roundTripMs: 1, bytesPerMs: 1e6 }) as unknown as BlockDevice;

  it.each([
    [{ requests: 0 }, "createReadStream: requests is 0, expected a whole number from 1 on, or 'auto'"],
    [{ requests: 'many' }, "createReadStream: requests is 'many', expected a whole number from 1 on, or 'auto'"],
    [{ request: 4 }, "createReadStream: unknown option 'request' (did you mean 'requests'?)"],
    [
      { offset: -1 },
      'createReadStream: offset is -1, expected a whole number of bytes from 0 on, as a number or a bigint',
    ],
  ])('that are wrong are refused: %o', (options, message) => {
    expect(() => createReadStream(device, options as ReadStreamOptions)).toThrow(
      expect.objectContaining({ code: 'ERR_NBD_ARGUMENT', message }),
    );
  });

  it('are checked for writing, too', () => {
    expect(() => createWriteStream(device, { flush: 1 } as never)).toThrow('createWriteStream: flush is 1');
  });
});
