/** Layers that slow down, fail, tell, or cut. */
import {
  type BlockDevice,
  CommandError,
  ConnectionLostError,
  type Offset,
  type ReadChunk,
  type ReadOptions,
} from '@nbdjs/interfaces';
import { Holder, LossLog, writesLostError } from '@nbdjs/kit';
import { blockDeviceConformance, seededRandom, VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import {
  createBlockSizeLayer,
  createDelayLayer,
  createFaultLayer,
  createLogLayer,
  createMemoryDevice,
  createRateLayer,
  createReadOnlyLayer,
  createRetryLayer,
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
blockDeviceConformance('retry', {
  extras: ['resizing'],
  make: async (size) => createRetryLayer(createMemoryDevice({ size }), { clock }),
});
blockDeviceConformance('log over fault over delay over rate', {
  extras: ['resizing'],
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
    [{ minimumBlockSize: 3 }, /3 is not a power of two/],
    [{ minimumBlockSize: 512, maximumBlockSize: 100 }, /100/],
  ])('%j is refused', (options, message) => {
    expect(() => createBlockSizeLayer(createMemoryDevice({ size: 1024 }), options)).toThrow(message);
  });
});

describe('delay', () => {
  it('delays the commands that its options name, until they are aborted', async () => {
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
  it('fails the calls that `fail` names, and does not make them below', async () => {
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
  it('reports each call once, with its time and its error', async () => {
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

describe('layers over one device', () => {
  const lost = (offset: bigint, length: bigint) => writesLostError([{ offset, length }]);

  function losing(): { readonly device: BlockDevice; readonly losses: LossLog } {
    const losses = new LossLog();
    const device: BlockDevice = {
      ...blocky(65_536, 1, 65_536),
      losses,
      async flush() {
        const { toldCount } = losses;
        losses.told();
        if (losses.count > toldCount) throw losses.since(toldCount);
      },
    };
    return { device, losses };
  }

  it('D7: each reports what the device has lost, once', async () => {
    const { device, losses } = losing();
    const [one, other] = [createReadOnlyLayer(device), createRetryLayer(device, { clock })];
    losses.add(lost(0n, 512n));
    await expect(one.flush()).rejects.toMatchObject({ code: 'ERR_NBD_WRITES_LOST' });
    await one.flush();
    await expect(other.flush()).rejects.toMatchObject({ ranges: [{ offset: 0n, length: 512n }] });
    await other.flush();
  });

  it('D7: each reports a failed flush, also of a device that does not count its losses', async () => {
    let failures = 1;
    const device: BlockDevice = {
      ...blocky(65_536, 1, 65_536),
      async flush() {
        if (failures-- > 0) throw new CommandError('EIO', 'the disk is broken');
      },
    };
    const [one, other] = [
      createSliceLayer(device, { offset: 0, length: 4096 }),
      createSliceLayer(device, { offset: 4096 }),
    ];
    await expect(one.flush()).rejects.toMatchObject({ code: 'EIO' });
    await one.flush();
    await expect(other.flush()).rejects.toMatchObject({ code: 'EIO' });
    await other.flush();
  });

  it('D7: a slice reports losses within its range, with its own offsets', async () => {
    const { device, losses } = losing();
    const first = createSliceLayer(device, { offset: 0, length: 4096 });
    const second = createSliceLayer(device, { offset: 4096, length: 4096 });
    const users = [new Holder(second), new Holder(second)] as const;
    losses.add(lost(4000n, 200n));
    losses.add(lost(8000n, 1000n));
    await expect(first.flush()).rejects.toMatchObject({ ranges: [{ offset: 4000n, length: 96n }] });
    const ranges = [
      { offset: 0n, length: 104n },
      { offset: 3904n, length: 192n },
    ];
    await expect(users[0].flush()).rejects.toMatchObject({ ranges });
    await expect(users[1].flush()).rejects.toMatchObject({ ranges });
    losses.add(lost(20_000n, 512n));
    await first.flush();
    await users[0].flush();
  });
});

describe('retry', () => {
  /** A device that fails its first calls, and how often it was called. */
  function failing(failures: number, error: Error) {
    const memory = createMemoryDevice({ size: 65_536 });
    const counter = { calls: 0 };
    const mayFail = <Result>(go: () => Result): Result => {
      if (counter.calls++ < failures) throw error;
      return go();
    };
    const device: BlockDevice = {
      geometry: memory.geometry,
      abilities: memory.abilities,
      read: (offset, target) => mayFail(() => memory.read(offset, target)),
      write: (offset, source) => mayFail(() => memory.write(offset, source)),
      flush: () => mayFail(() => memory.flush()),
      trim: (offset, length) => memory.trim(offset, length),
      writeZeroes: (offset, length) => memory.writeZeroes(offset, length),
      cache: (offset, length) => memory.cache(offset, length),
      blockStatus: (offset, length) => memory.blockStatus(offset, length),
      close: () => memory.close(),
    };
    return { device, counter };
  }
  const passing = new CommandError('EIO', 'not today');

  it('tries again after 1, 2, 4, ... s, and reports each time', async () => {
    const clock = new VirtualClock();
    const { device, counter } = failing(6, passing);
    const times: number[] = [];
    const layer = createRetryLayer(device, {
      clock,
      retries: 6,
      onRetry: ({ command }, error, attempt) => {
        expect([command, error, attempt]).toEqual(['write', passing, times.length + 1]);
        times.push(clock.now());
      },
    });
    const writing = layer.write(4096, new Uint8Array(512).fill(7));
    await clock.advance(60_000);
    await writing;
    expect(times.map((time) => time - (times[0] as number))).toEqual([0, 1000, 3000, 7000, 15_000, 31_000]);
    expect(counter.calls).toBe(7);
    const target = new Uint8Array(512);
    const reading = layer.read(4096, target);
    await clock.advance(60_000);
    await reading;
    expect(target.every((byte) => byte === 7)).toBe(true);
  });

  it('reports the pieces of a read once, although an earlier try has reported some of them', async () => {
    const clock = new VirtualClock();
    const memory = createMemoryDevice({ size: 65_536 });
    let calls = 0;
    const device = Object.assign(failing(0, passing).device, {
      read: (_: Offset, target: Uint8Array, options?: ReadOptions) => {
        options?.onChunk?.({ type: calls === 0 ? 'hole' : 'data', position: 0, length: 512 });
        if (calls++ === 0) throw passing;
        return memory.read(512, target.subarray(512), {
          onChunk: (chunk) => options?.onChunk?.({ ...chunk, position: 512 + chunk.position }),
        });
      },
    });
    const chunks: ReadChunk[] = [];
    const layer = createRetryLayer(device, { clock });
    const reading = layer.read(0, new Uint8Array(1024), { onChunk: (chunk) => void chunks.push(chunk) });
    await clock.advance(2000);
    await reading;
    expect(chunks).toEqual([
      { type: 'data', position: 0, length: 512 },
      { type: 'hole', position: 512, length: 512 },
    ]);
  });

  it('gives up after so many times, with the error of the last', async () => {
    const clock = new VirtualClock();
    const { device, counter } = failing(9, passing);
    const layer = createRetryLayer(device, { clock, retries: 3, delayMs: 10 });
    const reading = expect(layer.read(0, new Uint8Array(512))).rejects.toBe(passing);
    await clock.advance(1000);
    await reading;
    expect(counter.calls).toBe(4);
  });

  it('D7: does not flush again what could not be stored: the second flush would succeed, without the bytes', async () => {
    const clock = new VirtualClock();
    const { device, counter } = failing(1, passing);
    const layer = createRetryLayer(device, { clock, retries: 3, delayMs: 10 });
    await expect(layer.flush()).rejects.toBe(passing);
    expect(counter.calls).toBe(1);
  });

  it('does not try again what would fail the same way, or may have been carried out', async () => {
    for (const error of [
      new CommandError('EINVAL', 'never'),
      new CommandError('ENOSPC', 'full'),
      new ConnectionLostError('unknown', 'gone'),
      new Error('other'),
    ]) {
      const { device, counter } = failing(1, error);
      await expect(createRetryLayer(device, { clock }).write(0, new Uint8Array(1))).rejects.toBe(error);
      expect(counter.calls).toBe(1);
    }
  });

  it('ends a wait when the caller aborts', async () => {
    const clock = new VirtualClock();
    const { device, counter } = failing(9, passing);
    const abort = new AbortController();
    const reason = new Error('enough');
    const reading = createRetryLayer(device, { clock }).read(0, new Uint8Array(1), { signal: abort.signal });
    const settled = expect(reading).rejects.toBe(reason);
    await clock.advance(500);
    abort.abort(reason);
    await settled;
    expect(counter.calls).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('refuses options that are out of bounds', () => {
    const memory = createMemoryDevice({ size: 512 });
    expect(() => createRetryLayer(memory, { clock, retries: -1 })).toThrow(/retries of a retry layer is -1/);
    expect(() => createRetryLayer(memory, { clock, delayMs: Number.NaN })).toThrow(/delayMs/);
  });
});
