/** Defects that other storage layers had, each under the name that it became known by. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockDevice, baseAllocation } from '@nbdjs/interfaces';
import { describe, expect, it, vi } from 'vitest';
import {
  createBlockSizeLayer,
  createMemoryDevice,
  createNullDevice,
  createOverlayLayer,
  createSliceLayer,
  openFileDevice,
} from '../src/index.ts';

const mebi = 2 ** 20;

describe('CVE-2025-47712: extents are aligned without an overflow at 2^32', () => {
  it.each([1n, 511n, 513n, 4095n])('a range that begins at %d', async (start) => {
    const inner = createMemoryDevice({ size: 2n ** 40n });
    inner.write(2n ** 32n, new Uint8Array(10).fill(1));
    const coarse = aligned(inner, 4096);
    const layer = createBlockSizeLayer(coarse);
    for (const length of [2n ** 32n - 1n, 2n ** 32n, 2n ** 32n + 1n]) {
      const [answer] = await layer.blockStatus(start, length);
      const extents = answer?.extents ?? [];
      expect(extents[0]?.offset).toBe(start);
      const total = extents.reduce((sum, extent) => sum + extent.length, 0n);
      expect(total).toBe(length);
      expect(extents.every((extent) => extent.length > 0n)).toBe(true);
    }
  });
});

/** The same device, which takes only whole blocks. */
function aligned(inner: BlockDevice, minimumBlockSize: number): BlockDevice {
  return new Proxy(inner, {
    get(target, name) {
      if (name === 'geometry') return { ...target.geometry, minimumBlockSize };
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

describe('nbdkit 1.44.1: zeroing is never cut short, in any way of zeroing', { tags: ['slow'] }, () => {
  const size = 130 * mebi;
  const pieceBytes = 13 * mebi;

  async function zeroes(device: BlockDevice): Promise<void> {
    const ones = new Uint8Array(pieceBytes).fill(1);
    for (let place = 0; place < size; place += pieceBytes) await device.write(place, ones);
    await device.writeZeroes(1, 128 * mebi);
    const seen = new Uint8Array(size);
    for (let place = 0; place < size; place += pieceBytes) {
      await device.read(place, seen.subarray(place, place + pieceBytes));
    }
    expect(seen[0]).toBe(1);
    expect(seen.indexOf(1, 1)).toBe(128 * mebi + 1);
    await device.close();
  }

  it('in memory, and in layers over it', async () => {
    const memory = () => createMemoryDevice({ size });
    await zeroes(memory());
    await zeroes(createOverlayLayer(memory()));
    await zeroes(createBlockSizeLayer(aligned(memory(), 4096)));
    await zeroes(createSliceLayer(createMemoryDevice({ size: size + 7 }), { offset: 7 }));
  }, 60_000);

  it('in a file, with holes and by writing', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nbdjs-'));
    try {
      await zeroes(await openFileDevice(join(folder, 'one'), { create: true, size }));
      vi.stubEnv('NBDJS_NO_NATIVE', '1');
      await zeroes(await openFileDevice(join(folder, 'other'), { create: true, size }));
    } finally {
      vi.unstubAllEnvs();
      rmSync(folder, { recursive: true, force: true });
    }
  }, 60_000);
});

describe('nbdkit 1.48: no range takes time or memory in proportion to its length', () => {
  it('in layers over a device of 2^63 - 1 bytes', async () => {
    const size = 2n ** 63n - 1n;
    const huge = () => createNullDevice({ size });
    for (const device of [createOverlayLayer(huge()), createSliceLayer(huge(), { offset: 1 }), huge()]) {
      const length = device.geometry.size - 1n;
      await device.writeZeroes(1, length);
      await device.trim(0, length);
      await device.cache(0, length);
      const [answer] = await device.blockStatus(0, length, { contexts: [baseAllocation] });
      expect(answer?.extents.at(0)?.offset).toBe(0n);
    }
  });

  it('and an answer with few extents does not walk over all that there are', async () => {
    const device = createOverlayLayer(createNullDevice({ size: 2n ** 62n }));
    for (let place = 0; place < 20_000; place += 2) await device.write(place * 512, new Uint8Array(1).fill(1));
    const [answer] = await device.blockStatus(0, 2n ** 62n, { one: true });
    expect(answer?.extents).toEqual([{ offset: 0n, length: 1n, status: 0n }]);
  });
});
