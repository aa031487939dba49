/** Layers that slow down, fail, tell, or cut. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { blockDeviceConformance, seededRandom, VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import {
  createBlockSizeLayer,
  createDelayLayer,
  createFaultLayer,
  createLogLayer,
  createMemoryDevice,
  createRateLayer,
  createSliceLayer,
  type LogEntry,
} from '../src/index.ts';

const clock = new VirtualClock();

/** Memory with other block sizes, which checks that they are respected, and answers late and out of order. */
function blocky(size: number, minimum: number, maximum: number, seed = 1): BlockDevice {
  const memory = createMemoryDevice({ size });
  const random = seededRandom(seed);
  const later = async <Result>(offset: unknown, length: unknown, go: () => Result): Promise<Awaited<Result>> => {
    expect(Number(offset) % minimum).toBe(0);
    expect(Number(length) % minimum).toBe(0);
    for (let turns = Math.floor(random() * 3); turns > 0; turns--) await new Promise((next) => setImmediate(next));
    return await go();
  };
  const short = (length: number): void => expect(length).toBeLessThanOrEqual(maximum);
  return {
    geometry: { ...memory.geometry, minimumBlockSize: minimum, maximumBlockSize: maximum },
    abilities: memory.abilities,
    read: (offset, target, options) => {
      short(target.length);
      return later(offset, target.length, () => memory.read(offset, target, options));
    },
    write: (offset, source, options) => {
      short(source.length);
      return later(offset, source.length, () => memory.write(offset, source, options));
    },
    flush: () => memory.flush(),
    trim: (offset, length) => later(offset, length, () => memory.trim(offset, length)),
    writeZeroes: (offset, length) => later(offset, length, () => memory.writeZeroes(offset, length)),
    cache: (offset, length) => later(offset, length, () => memory.cache(offset, length)),
    blockStatus: (offset, length, options) => later(offset, length, () => memory.blockStatus(offset, length, options)),
    close: () => memory.close(),
  };
}

blockDeviceConformance('block size layer over 512', {
  make: async (size) => createBlockSizeLayer(blocky(size, 512, 65_536)),
});
blockDeviceConformance('block size layer over 4096, in a slice', {
  make: async (size) =>
    createSliceLayer(createBlockSizeLayer(blocky(size + 4096 - (size % 4096), 4096, 8192)), {
      offset: 0,
      length: size,
    }),
});
blockDeviceConformance('log over fault over delay over rate', {
  make: async (size) => {
    const rate = createRateLayer(createMemoryDevice({ size }), { clock, bytesPerSecond: 1e15 });
    const fault = createFaultLayer(createDelayLayer(rate, { clock, delayMs: {} }), { fail: () => undefined });
    return createLogLayer(fault, { clock, log: () => {} });
  },
});

describe('block size layer', () => {
  it('loses nothing to writers that touch the same block at the same time', async () => {
    const device = createBlockSizeLayer(blocky(65_536, 4096, 8192));
    const model = new Uint8Array(65_536);
    const random = seededRandom(5);
    for (let round = 0; round < 30; round++) {
      // Neighbours that share blocks, but not bytes.
      const writes: unknown[] = [];
      for (let offset = 0; offset < 65_536; ) {
        const length = Math.min(65_536 - offset, 1 + Math.floor(random() * 6000));
        const kind = random();
        const piece = new Uint8Array(length).fill(kind < 0.3 ? 0 : 1 + Math.floor(random() * 255));
        model.set(piece, offset);
        writes.push(kind < 0.3 ? device.writeZeroes(offset, length) : device.write(offset, piece));
        offset += length;
      }
      await Promise.all(writes);
      const seen = new Uint8Array(65_536);
      await device.read(0, seen);
      expect(Buffer.compare(seen, model)).toBe(0);
    }
  });

  it.each([
    [{ minimumBlockSize: 3 }, /3 is no power of two/],
    [{ minimumBlockSize: 512, maximumBlockSize: 100 }, /100/],
  ])('%j is refused', (options, message) => {
    expect(() => createBlockSizeLayer(createMemoryDevice({ size: 1024 }), options)).toThrow(message);
  });
});

describe('delay', () => {
  it('puts off the calls that it is told to, until they are abandoned', async () => {
    const device = createDelayLayer(createMemoryDevice({ size: 100 }), { clock, delayMs: { read: 50 } });
    const target = new Uint8Array(1);
    expect(device.write(0, Uint8Array.of(7))).toBeUndefined();
    const reading = device.read(0, target);
    await clock.advance(49);
    await Promise.resolve();
    expect(target[0]).toBe(0);
    await clock.advance(1);
    await reading;
    expect(target[0]).toBe(7);
    const abort = new AbortController();
    const abandoned = device.read(0, target, { signal: abort.signal });
    abort.abort(new Error('enough'));
    await expect(abandoned).rejects.toThrow('enough');
    expect(() => createDelayLayer(device, { clock, delayMs: { read: -1 } })).toThrow(/-1/);
  });
});

describe('rate', () => {
  it('lets so many bytes pass in a second, in order', async () => {
    const device = createRateLayer(createMemoryDevice({ size: 100_000 }), {
      clock,
      bytesPerSecond: 10_000,
      burstBytes: 1000,
    });
    const done: number[] = [];
    const note = (index: number) => (): unknown => done.push(index);
    const reads = [1000, 1000, 2000].map(async (length, index) => {
      await device.read(0, new Uint8Array(length));
      note(index)();
    });
    const settle = () => new Promise((resolve) => setImmediate(resolve));
    await settle();
    expect(done).toEqual([0]);
    await clock.advance(99);
    await settle();
    expect(done).toEqual([0]);
    await clock.advance(1);
    await settle();
    expect(done).toEqual([0, 1]);
    await clock.advance(200);
    await Promise.all(reads);
    expect(done).toEqual([0, 1, 2]);
    expect(() => createRateLayer(device, { clock, bytesPerSecond: 0 })).toThrow(/rate of 0/);
  });
});

describe('fault', () => {
  it('fails the calls that it is told to, and leaves the device alone', async () => {
    const inner = createMemoryDevice({ size: 1000 });
    const device = createFaultLayer(inner, {
      fail: ({ command, offset, index }) =>
        command === 'write' && offset === 5 ? 'ENOSPC' : index === 2 ? 'EIO' : undefined,
    });
    await expect(device.write(5, Uint8Array.of(1))).rejects.toMatchObject({ code: 'ENOSPC', offset: 5 });
    await device.write(6, Uint8Array.of(1));
    await expect(device.flush()).rejects.toMatchObject({ code: 'EIO' });
    const seen = new Uint8Array(2);
    await device.read(5, seen);
    expect(seen).toEqual(Uint8Array.of(0, 1));
  });
});

describe('log', () => {
  it('tells of each call once, with its time and its error', async () => {
    const entries: LogEntry[] = [];
    const slow = createDelayLayer(createMemoryDevice({ size: 1000 }), { clock, delayMs: { read: 20 } });
    const device = createLogLayer(slow, { clock, log: (entry) => entries.push(entry) });
    const reading = device.read(3, new Uint8Array(5));
    await device.write(0, Uint8Array.of(1));
    expect(() => device.write(1000, Uint8Array.of(1))).toThrow();
    await clock.advance(20);
    await reading;
    expect(
      entries.map(({ command, offset, length, durationMs, error }) => [
        command,
        offset,
        length,
        durationMs,
        error === undefined,
      ]),
    ).toEqual([
      ['write', 0, 1, 0, true],
      ['write', 1000, 1, 0, false],
      ['read', 3, 5, 20, true],
    ]);
  });
});
