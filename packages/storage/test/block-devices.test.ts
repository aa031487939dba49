/** Block devices of the system, which take whole sectors only where zeroes are concerned. */
import { statSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FileDevice, openFileDevice } from '../src/index.ts';
import { type LoopDevice, makeLoopDevice, whyNoLoopDevice } from './loop-device.ts';

const mebi = 2 ** 20;
const size = 16 * mebi;

const hindrance = process.platform === 'linux' ? whyNoLoopDevice() : 'this is not Linux';
if (hindrance !== undefined) console.warn(`block devices are not tested: ${hindrance}`);

describe.skipIf(hindrance !== undefined)('a block device', () => {
  describe.each([512, 4096])('with sectors of %d bytes', (sectorBytes) => {
    let loop: LoopDevice;
    let device: FileDevice;

    beforeEach(async () => {
      loop = makeLoopDevice(size, sectorBytes);
      device = await openFileDevice(loop.path);
      await device.write(0, new Uint8Array(size).fill(7));
      await device.flush();
    });

    afterEach(async () => {
      await device.close();
      loop.dispose();
    });

    /** In KiB, of the file below. */
    const used = async (): Promise<number> => {
      await device.flush();
      return statSync(loop.file).blocks / 2;
    };

    const content = async (): Promise<Uint8Array> => {
      const bytes = new Uint8Array(size);
      await device.read(0, bytes);
      return bytes;
    };

    it('B1: is punched after a range that its sectors do not fit as it was before', async () => {
      const before = await used();
      await device.trim(0, 2 * mebi);
      expect(await used()).toBe(before - 2048);
      await device.writeZeroes(2 * mebi + 100, 1000);
      await device.trim(2 * mebi + 100, 1000);
      await device.trim(4 * mebi, 2 * mebi);
      expect(await used()).toBe(before - 4096);
      await device.writeZeroes(6 * mebi, 2 * mebi);
      expect(await used()).toBe(before - 6144);
      await device.writeZeroes(8 * mebi + 1, 2 * mebi, { fastZero: true });
      expect(await used()).toBeLessThanOrEqual(before - 8192 + 4);
      await device.writeZeroes(10 * mebi, 100, { fastZero: true });
      expect(device.abilities).toMatchObject({ trim: true, fastZero: true });
    });

    it('B1: reads as zeroes exactly where it was zeroed, and is trimmed in whole sectors only', async () => {
      const expected = new Uint8Array(size).fill(7);
      const edges = [
        [1000, 100],
        [3 * mebi - 1, 2],
        [4 * mebi + 1, 3 * 4096],
        [5 * mebi + 511, 8191],
        [6 * mebi - 100, mebi + 200],
        [8 * mebi, 4096],
      ] as const;
      for (const [offset, length] of edges) {
        await device.writeZeroes(offset, length);
        expected.fill(0, offset, offset + length);
        await device.writeZeroes(offset + 4 * mebi + 12_345, length, { noHole: true });
        expected.fill(0, offset + 4 * mebi + 12_345, offset + 4 * mebi + 12_345 + length);
      }
      expect(Buffer.compare(await content(), expected)).toBe(0);
      await device.trim(14 * mebi + 1, mebi);
      const start = 14 * mebi + sectorBytes;
      expected.fill(0, start, 15 * mebi);
      expect(Buffer.compare(await content(), expected)).toBe(0);
    });

    it('B1: with NO_HOLE and FAST_ZERO is not promised what it may have to write', async () => {
      await expect(device.writeZeroes(0, mebi, { noHole: true, fastZero: true })).rejects.toMatchObject({
        code: 'ENOTSUP',
      });
      expect((await content())[0]).toBe(7);
    });
  });
});
