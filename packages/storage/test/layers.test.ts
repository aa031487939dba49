import { allocationDepth, type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { blockDeviceConformance } from '@nbdjs/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createAllocationDepthLayer,
  createMemoryDevice,
  createOverlayLayer,
  createReadOnlyLayer,
  createSliceLayer,
} from '../src/index.ts';

blockDeviceConformance('slice of memory', {
  extras: ['memory'],
  make: async (size) =>
    createSliceLayer(createMemoryDevice({ size: size + 100_000 }), { offset: 65_000, length: size }),
});

blockDeviceConformance('overlay over memory', {
  extras: [],
  make: async (size) => createOverlayLayer(createMemoryDevice({ size })),
});

blockDeviceConformance('overlay over a slice of an overlay that is read-only', {
  extras: [],
  make: async (size) => {
    const below = createOverlayLayer(createMemoryDevice({ size: size + 512 }));
    return createOverlayLayer(createReadOnlyLayer(createSliceLayer(below, { offset: 512 })));
  },
});

const bytes = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, index) => first + index);

async function readAll(device: BlockDevice): Promise<Uint8Array> {
  const target = new Uint8Array(Number(device.geometry.size));
  await device.read(0, target);
  return target;
}

describe('read-only layer', () => {
  it('reads, and refuses to write', async () => {
    const inner = createMemoryDevice({ size: 1000 });
    await inner.write(0, bytes(100, 1));
    const device = createReadOnlyLayer(inner);
    expect(device.abilities).toMatchObject({ readOnly: true, trim: false, writeZeroes: false, fua: false });
    expect(await readAll(device)).toEqual(await readAll(inner));
    for (const call of [() => device.write(0, bytes(1, 1)), () => device.trim(0, 1), () => device.writeZeroes(0, 1)]) {
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_NBD_READ_ONLY' }));
    }
    expect(device.memory?.view(0, 5)).toEqual(bytes(5, 1));
    await device.close();
  });
});

describe('slice', () => {
  it('begins at its offset, and reaches to the end of the device by default', async () => {
    const inner = createMemoryDevice({ size: 1000 });
    const device = createSliceLayer(inner, { offset: 300n });
    expect(device.geometry.size).toBe(700n);
    await device.write(10, bytes(5, 1));
    const target = new Uint8Array(5);
    await inner.read(310, target);
    expect(target).toEqual(bytes(5, 1));
    expect(device.memory?.view(10, 5)).toEqual(bytes(5, 1));
    expect(() => device.read(696, target)).toThrow(UsageError);
    const [status] = await device.blockStatus(0, 700);
    expect(status?.extents[0]?.offset).toBe(0n);
  });

  it.each([
    [{ offset: 1001 }, /1001/],
    [{ offset: 0, length: 1001 }, /1001/],
    [{ offset: 999, length: 2 }, /1001/],
    [{ offset: -1 }, /-1/],
  ])('of %j is refused', (options, message) => {
    expect(() => createSliceLayer(createMemoryDevice({ size: 1000 }), options)).toThrow(message);
  });
});

describe('allocation depth', () => {
  const depths = async (device: BlockDevice, one = false) => {
    const answer = await device.blockStatus(0, 1000, { contexts: [allocationDepth], one });
    expect(answer.map(({ context }) => context)).toEqual([allocationDepth]);
    return answer[0]?.extents.map(({ length, status }) => [length, status]);
  };

  it('is 1 for a device without layers, beside the contexts that it has', async () => {
    const device = createAllocationDepthLayer(createMemoryDevice({ size: 1000 }));
    device.memory?.writableView?.(0, 1)?.set([7]);
    expect(device.memory?.view(0, 1)).toEqual(Uint8Array.of(7));
    expect(await depths(device)).toEqual([[1000n, 1n]]);
    const both = await device.blockStatus(10, 20);
    expect(both.map(({ context }) => context)).toEqual([baseAllocation, allocationDepth]);
    expect(await device.blockStatus(0, 10, { contexts: [baseAllocation] })).toHaveLength(1);
    expect(() => device.blockStatus(999, 2, { contexts: [allocationDepth] })).toThrow(UsageError);
    expect(createAllocationDepthLayer(device)).toBe(device);
  });

  it('grows with each layer that does not store the bytes', async () => {
    const options = { allocationDepth: true };
    const middle = createOverlayLayer(createMemoryDevice({ size: 1000 }), options);
    await middle.write(100, bytes(100, 1));
    const top = createOverlayLayer(middle, options);
    await top.write(150, bytes(10, 1));
    await top.writeZeroes(900, 100);
    expect(await depths(middle)).toEqual([
      [100n, 2n],
      [100n, 1n],
      [800n, 2n],
    ]);
    expect(await depths(top)).toEqual([
      [100n, 3n],
      [50n, 2n],
      [10n, 1n],
      [40n, 2n],
      [700n, 3n],
      [100n, 1n],
    ]);
    expect(await depths(top, true)).toEqual([[100n, 3n]]);
    expect((await top.blockStatus(0, 1000)).map(({ context }) => context)).toEqual([baseAllocation, allocationDepth]);
    expect(createOverlayLayer(middle).abilities.contexts).toEqual([baseAllocation]);
  });
});

describe('overlay', () => {
  it('does what a model does, and leaves the base as it was', { tags: ['slow'] }, async () => {
    const size = 20_000;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ kind: fc.nat(3), offset: fc.nat(size), length: fc.nat(6000), first: fc.nat(255) }), {
          maxLength: 60,
        }),
        async (steps) => {
          const base = createMemoryDevice({ size });
          await base.write(0, bytes(size, 7));
          const before = await readAll(base);
          const device = createOverlayLayer(base);
          const model = before.slice();
          for (const { kind, offset, length, first } of steps) {
            const count = Math.min(length, size - offset);
            if (kind < 2) {
              await device.write(offset, bytes(count, first));
              model.set(bytes(count, first), offset);
            } else {
              await (kind === 2 ? device.trim(offset, count) : device.writeZeroes(offset, count));
              model.fill(0, offset, offset + count);
            }
          }
          expect(await readAll(device)).toEqual(model);
          expect(await readAll(base)).toEqual(before);
          const [status] = await device.blockStatus(0, size, { contexts: [baseAllocation] });
          for (const { offset, length, status: bits } of status?.extents ?? []) {
            const part = model.subarray(Number(offset), Number(offset + length));
            if ((bits & 2n) !== 0n) expect(part.every((byte) => byte === 0)).toBe(true);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('over 8 EiB is zeroed as a whole in no time', async () => {
    const size = 2n ** 63n - 512n;
    const device = createOverlayLayer(createMemoryDevice({ size }));
    await device.write(2n ** 62n, bytes(100, 1));
    await device.writeZeroes(0, size);
    const [status] = await device.blockStatus(0, size);
    expect(status?.extents).toEqual([{ offset: 0n, length: size, status: 3n }]);
    await device.close();
  });

  it('needs a store that is large enough and can be written', () => {
    const base = createMemoryDevice({ size: 1000 });
    expect(() => createOverlayLayer(base, { store: createMemoryDevice({ size: 999 }) })).toThrow(/999/);
    const store = createMemoryDevice({ size: 1000, readOnly: true });
    expect(() => createOverlayLayer(base, { store })).toThrow(/read-only/);
  });
});
