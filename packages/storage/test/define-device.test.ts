/** Devices made of a few functions: defaults, checks and errors. */
import { AllocationStatus, type BlockDevice, CommandError, UsageError } from '@nbdjs/interfaces';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { type DeviceDefinition, defineDevice } from '../src/index.ts';

function arrayDefinition(size: number, more: Partial<DeviceDefinition> = {}): DeviceDefinition {
  const bytes = new Uint8Array(size);
  return {
    size,
    read: (offset, target) => target.set(bytes.subarray(offset, offset + target.length)),
    write: (offset, source) => bytes.set(source, offset),
    ...more,
  };
}

blockDeviceConformance('defined, size, read and write', { make: async (size) => defineDevice(arrayDefinition(size)) });
blockDeviceConformance('defined, asynchronous', {
  async make(size) {
    const { read, write } = arrayDefinition(size);
    const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
    return defineDevice({
      size,
      read: async (...call) => later().then(() => read(...call)),
      write: async (...call) => later().then(() => write?.(...call)),
    });
  },
});

const settle = async (work: () => unknown): Promise<unknown> => await work();

describe('what is left out', () => {
  it('without write: a read-only device, which refuses changes', async () => {
    const device = defineDevice({ size: 1000, read: (_, target) => void target.fill(7) });
    expect(device.abilities).toMatchObject({
      readOnly: true,
      flush: false,
      fua: false,
      trim: false,
      writeZeroes: false,
    });
    const calls = [() => device.write(0, new Uint8Array(1)), () => device.trim(0, 1), () => device.writeZeroes(0, 1)];
    for (const call of calls) await expect(settle(call)).rejects.toMatchObject({ code: 'ERR_NBD_READ_ONLY' });
    const target = new Uint8Array(3);
    await device.read(997, target);
    expect(target).toEqual(Uint8Array.of(7, 7, 7));
  });

  it('without the rest: zeroes are written, trimming changes nothing, everything is data', async () => {
    const device = defineDevice(arrayDefinition(3_000_000));
    expect(device.abilities).toEqual({
      readOnly: false,
      flush: true,
      fua: true,
      trim: true,
      writeZeroes: true,
      fastZero: false,
      cache: false,
      multiConn: true,
      rotational: false,
      contexts: ['base:allocation'],
    });
    expect(device.geometry).toEqual({
      size: 3_000_000n,
      minimumBlockSize: 1,
      preferredBlockSize: 4096,
      maximumBlockSize: 33_554_432,
    });
    await device.write(0, new Uint8Array(3_000_000).fill(5));
    await device.trim(0, 10);
    await device.writeZeroes(1, 2_999_998, { fua: true });
    await device.flush();
    await device.cache(0, 10);
    const target = new Uint8Array(3_000_000);
    await device.read(0, target);
    expect([target[0], target[2_999_999]]).toEqual([5, 5]);
    expect(target.subarray(1, -1).every((byte) => byte === 0)).toBe(true);
    await expect(settle(() => device.writeZeroes(0, 1, { fastZero: true }))).rejects.toMatchObject({ code: 'ENOTSUP' });
    const extents = [{ offset: 5n, length: 2_000_000n, status: 0n }];
    expect(await device.blockStatus(5, 2_000_000)).toEqual([{ context: 'base:allocation', extents }]);
    expect(await device.blockStatus(5, 1, { contexts: [] })).toEqual([]);
  });

  it('fua is followed by a flush, once for all pieces of a zeroing', async () => {
    const calls: string[] = [];
    const device = defineDevice({
      size: 3 * 2 ** 20,
      read: () => {},
      write: async () => void calls.push('write'),
      flush: () => void calls.push('flush'),
    });
    await device.write(0, new Uint8Array(1), { fua: true });
    await device.write(0, new Uint8Array(1));
    expect(calls).toEqual(['write', 'flush', 'write']);
    calls.length = 0;
    await device.writeZeroes(0, 3 * 2 ** 20, { fua: true });
    expect(calls).toEqual(['write', 'write', 'write', 'flush']);
  });
});

describe('what is given', () => {
  it('is called with plain numbers, also for bigints', async () => {
    const calls: unknown[] = [];
    const note = (...call: unknown[]): void => void calls.push(call.slice(0, 2));
    const device = defineDevice(arrayDefinition(4096, { trim: note, writeZeroes: note, cache: note }));
    await device.trim(1n, 2n);
    await device.writeZeroes(3n, 4n);
    await device.cache(5n, 6n);
    expect(calls).toEqual([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    expect(device.abilities.cache).toBe(true);
  });

  it('tells extents, which are cut at the end of what was asked', async () => {
    const hole = AllocationStatus.Hole | AllocationStatus.Zero;
    const blockStatus = (): { length: number; status: number }[] => [
      { length: 10, status: hole },
      { length: 100, status: 0 },
    ];
    const device = defineDevice(arrayDefinition(4096, { blockStatus }));
    const [all] = await device.blockStatus(100, 50);
    expect(all?.extents).toEqual([
      { offset: 100n, length: 10n, status: 3n },
      { offset: 110n, length: 40n, status: 0n },
    ]);
    expect((await device.blockStatus(100, 50, { one: true }))[0]?.extents).toHaveLength(1);
    const silent = defineDevice(arrayDefinition(4096, { blockStatus: () => [] }));
    await expect(settle(() => silent.blockStatus(0, 1))).rejects.toMatchObject({ code: 'EIO' });
  });

  it.each<[string, unknown, string, RegExp]>([
    [
      'an error of Node',
      Object.assign(new Error('disk full'), { code: 'ENOSPC' }),
      'ENOSPC',
      /^write failed: disk full$/,
    ],
    ['any other error', new Error('broken'), 'EIO', /broken/],
    ['no error at all', 'what', 'EIO', /what/],
    ['an error of a request', new CommandError('ENOMEM', 'no memory'), 'ENOMEM', /^no memory$/],
  ])('fails the request: %s, thrown or rejected', async (_, error, code, message) => {
    for (const write of [() => Promise.reject(error), throwing(error)]) {
      const device = defineDevice(arrayDefinition(10, { write }));
      const result = device.write(0, new Uint8Array(1));
      expect(result).toBeInstanceOf(Promise);
      await expect(result).rejects.toMatchObject({
        name: 'CommandError',
        code,
        message: expect.stringMatching(message),
      });
    }
  });

  it('is abandoned by a function that looks at the signal', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const device = defineDevice({
      size: 10,
      read: (_offset, _target, { signal }) =>
        new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
    });
    const reading = device.read(0, new Uint8Array(1), { signal: abort.signal });
    abort.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });

  it('is closed once', async () => {
    let count = 0;
    const device: BlockDevice = defineDevice(arrayDefinition(10, { close: () => void count++ }));
    await device.close();
    await device.close();
    expect(count).toBe(1);
  });

  it('has blocks, which requests have to respect up to the last one', async () => {
    const device = defineDevice(arrayDefinition(1000, { minimumBlockSize: 512 }));
    expect(device.geometry).toMatchObject({ minimumBlockSize: 512, preferredBlockSize: 4096 });
    await device.read(512, new Uint8Array(488));
    for (const [offset, length] of [
      [1, 512],
      [0, 100],
    ] as const) {
      const call = settle(() => device.read(offset, new Uint8Array(length)));
      await expect(call).rejects.toMatchObject({ code: 'ERR_NBD_UNALIGNED' });
    }
  });
});

const read = (): void => {};

it.each<[RegExp, unknown]>([
  [/size is missing/, { read }],
  [/read is missing/, { size: 1 }],
  [/size is -1, expected a whole number of bytes/, { size: -1, read }],
  [/size is 9007199254740992, expected 2\^53 - 1 at most/, { size: 2n ** 53n, read }],
  [/unknown option 'wrte' \(did you mean 'write'\?\)/, { size: 1, read, wrte: read }],
  [/write is 7, expected a function/, { size: 1, read, write: 7 }],
  [/minimumBlockSize is 3, expected a power of two/, { size: 1, read, minimumBlockSize: 3 }],
  [/preferredBlockSize is 512, expected 4096/, { size: 1, read, minimumBlockSize: 4096, preferredBlockSize: 512 }],
  [
    /maximumBlockSize is 5000, expected a multiple of 512/,
    { size: 1, read, minimumBlockSize: 512, maximumBlockSize: 5000 },
  ],
  [/options are null|options are an|expected an object/, 7],
])('refuses a definition that makes no sense: %s', (message, definition) => {
  expect(() => defineDevice(definition as DeviceDefinition)).toThrow(message);
  expect(() => defineDevice(definition as DeviceDefinition)).toThrow(UsageError);
});

function throwing(error: unknown): () => never {
  return () => {
    throw error;
  };
}
