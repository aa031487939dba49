/** What every `BlockDevice` has to do: files, memory, remote exports, and layers over them. */
import { AllocationStatus, type BlockDevice, baseAllocation } from '@nbdjs/interfaces';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';

export interface BlockDeviceFactory {
  /** Makes a device of this many bytes, all zero. Whatever else it needs is gone when the device is closed. */
  make(size: number): Promise<BlockDevice>;
  /** It keeps nothing that is written to it. @default false */
  readonly forgets?: boolean | undefined;
}

const size = 1024 * 1024 + 512;

/** Calls that may answer synchronously, as promises. */
async function settle(work: () => unknown): Promise<unknown> {
  return await work();
}

function randomBytes(random: () => number, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => 1 + Math.floor(random() * 255));
}

export function blockDeviceConformance(name: string, factory: BlockDeviceFactory): void {
  describe(`BlockDevice: ${name}`, () => {
    let device: BlockDevice;

    beforeEach(async () => {
      device = await factory.make(size);
    });

    afterEach(async () => {
      await device.close();
    });

    const readAll = async (): Promise<Uint8Array> => {
      const bytes = new Uint8Array(size);
      for (let offset = 0; offset < size; offset += 256 * 1024) {
        await device.read(offset, bytes.subarray(offset, Math.min(size, offset + 256 * 1024)));
      }
      return bytes;
    };

    it('tells a consistent geometry', () => {
      const { minimumBlockSize, preferredBlockSize, maximumBlockSize } = device.geometry;
      expect(device.geometry.size).toBe(BigInt(size));
      expect(Number.isInteger(Math.log2(minimumBlockSize))).toBe(true);
      expect(preferredBlockSize).toBeGreaterThanOrEqual(minimumBlockSize);
      expect(maximumBlockSize).toBeGreaterThanOrEqual(preferredBlockSize);
    });

    it('reads as zeroes at first', async () => {
      expect((await readAll()).every((byte) => byte === 0)).toBe(true);
    });

    it('reads the same into memory that it asks for late, if it can', async () => {
      const random = seededRandom(4);
      await device.write(0, randomBytes(random, 300_000));
      for (const [offset, length] of [
        [0, 1],
        [0, 300_000],
        [4095, 513],
        [299_000n, 5000],
      ] as const) {
        const expected = new Uint8Array(length);
        await device.read(offset, expected);
        const memory = new Uint8Array(length).fill(0xcc);
        let count = 0;
        const provide = (): Uint8Array => {
          count++;
          return memory;
        };
        if (device.readLate === undefined) return;
        await device.readLate(offset, length, provide);
        expect(count).toBe(1);
        expect(Buffer.compare(memory, expected)).toBe(0);
      }
      const beyond = (): unknown => device.readLate?.(size, 1, () => new Uint8Array(1));
      await expect(settle(beyond)).rejects.toMatchObject({ code: 'ERR_NBD_OUT_OF_BOUNDS' });
    });

    it('refuses what lies outside of it, and does nothing', async () => {
      const bytes = new Uint8Array(1024).fill(1);
      const outside = { code: 'ERR_NBD_OUT_OF_BOUNDS' };
      await expect(settle(() => device.read(size - 1023, bytes))).rejects.toMatchObject(outside);
      await expect(settle(() => device.read(-1, bytes))).rejects.toMatchObject(outside);
      await expect(settle(() => device.write(BigInt(size), bytes))).rejects.toMatchObject(outside);
      await expect(settle(() => device.read(2n ** 63n - 1n, bytes))).rejects.toMatchObject(outside);
      await expect(settle(() => device.read(1.5, bytes))).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
      expect(bytes.every((byte) => byte === 1)).toBe(true);
    });

    it('takes numbers and bigints', async () => {
      const source = Uint8Array.of(1, 2, 3);
      await device.write(10n, source);
      const target = new Uint8Array(3);
      await device.read(10, target);
      if (factory.forgets !== true) expect(target).toEqual(source);
    });

    it('has nothing to do for no bytes', async () => {
      await device.read(0, new Uint8Array(0));
      await device.read(size, new Uint8Array(0));
      await device.write(size, new Uint8Array(0));
    });

    it('does what a model does, many requests at a time', async () => {
      if (factory.forgets === true) return;
      const random = seededRandom(7);
      const model = new Uint8Array(size);
      // Each lane keeps to its own part, so that the order among lanes does not matter.
      const laneBytes = Math.floor(size / 8);
      const { trim, writeZeroes, fua } = device.abilities;
      const lane = async (index: number): Promise<void> => {
        const base = index * laneBytes;
        for (let round = 0; round < 40; round++) {
          const length = Math.floor(random() ** 3 * 60_000);
          const offset = base + Math.floor(random() * (laneBytes - length));
          const choice = random();
          if (choice < 0.45) {
            const source = randomBytes(random, length);
            model.set(source, offset);
            await device.write(offset, source, random() < 0.2 && fua ? { fua: true } : {});
          } else if (choice < 0.6 && writeZeroes && length > 0) {
            model.fill(0, offset, offset + length);
            await device.writeZeroes(offset, length, random() < 0.3 ? { noHole: true } : {});
          } else if (choice < 0.7 && trim && length > 0) {
            await device.trim(offset, length);
            // What was trimmed is undefined until it is written again.
            const source = randomBytes(random, length);
            model.set(source, offset);
            await device.write(offset, source);
          } else {
            const target = new Uint8Array(length);
            await device.read(offset, target);
            expect(Buffer.compare(target, model.subarray(offset, offset + length))).toBe(0);
          }
        }
      };
      await Promise.all(Array.from({ length: 8 }, (_, index) => lane(index)));
      if (device.abilities.flush) await device.flush();
      expect(Buffer.compare(await readAll(), model)).toBe(0);
    });

    it('leaves the neighbours of what it changes alone', async () => {
      if (factory.forgets === true) return;
      const model = new Uint8Array(size).fill(0xaa);
      for (let offset = 0; offset < size; offset += 65_536)
        await device.write(offset, model.subarray(offset, offset + 65_536));
      await device.write(70_001, Uint8Array.of(1));
      model[70_001] = 1;
      if (device.abilities.writeZeroes) {
        await device.writeZeroes(130_001, 70_000);
        model.fill(0, 130_001, 200_001);
      }
      if (device.abilities.trim) {
        await device.trim(300_001, 70_000);
        await device.write(300_001, new Uint8Array(70_000).fill(0xbb));
        model.fill(0xbb, 300_001, 370_001);
      }
      expect(Buffer.compare(await readAll(), model)).toBe(0);
    });

    it('tells what it consists of, truthfully', async () => {
      if (!device.abilities.contexts.includes(baseAllocation)) return;
      await device.write(300_000, new Uint8Array(100_000).fill(1));
      const bytes = await readAll();
      let position = 100n;
      const end = BigInt(size) - 1n;
      for (let round = 0; position < end && round < 1000; round++) {
        const [answer] = await device.blockStatus(position, end - position, { contexts: [baseAllocation] });
        expect(answer?.context).toBe(baseAllocation);
        expect(answer?.extents.length).toBeGreaterThan(0);
        for (const { offset, length, status } of answer?.extents ?? []) {
          expect(offset).toBe(position);
          expect(length).toBeGreaterThan(0n);
          position += length;
          expect(position).toBeLessThanOrEqual(end);
          if (Number(status) & AllocationStatus.Zero) {
            expect(bytes.subarray(Number(offset), Number(offset + length)).every((byte) => byte === 0)).toBe(true);
          }
        }
      }
      expect(position).toBe(end);
      const [one] = await device.blockStatus(0, size, { contexts: [baseAllocation], one: true });
      expect(one?.extents).toHaveLength(1);
    });

    it('tells which pieces a read came in, each once', async () => {
      const covered = new Uint8Array(100_000);
      let calls = 0;
      await device.read(50_000, new Uint8Array(100_000), {
        onChunk: ({ position, length }) => {
          calls++;
          for (let index = position; index < position + length; index++) covered[index] = (covered[index] ?? 0) + 1;
        },
      });
      if (calls > 0) expect(covered.every((count) => count === 1)).toBe(true);
    });

    it('rejects with the reason of a signal that is aborted already, and touches nothing', async () => {
      const reason = new Error('enough');
      const signal = AbortSignal.abort(reason);
      const target = new Uint8Array(16).fill(9);
      await expect(settle(() => device.read(0, target, { signal }))).rejects.toBe(reason);
      await expect(settle(() => device.write(0, new Uint8Array(16), { signal }))).rejects.toBe(reason);
      expect(target.every((byte) => byte === 9)).toBe(true);
    });

    it('does not touch memory after a call was abandoned', async () => {
      const abort = new AbortController();
      const target = new Uint8Array(512 * 1024);
      const reading = settle(() => device.read(0, target, { signal: abort.signal }));
      abort.abort(new Error('enough'));
      await reading.catch(() => {});
      target.fill(7);
      await device.read(0, new Uint8Array(1));
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(target.every((byte) => byte === 7)).toBe(true);
    });

    it('is closed as often as one likes, and refuses calls afterwards', async () => {
      await device.close();
      await device.close();
      const closed = { code: 'ERR_NBD_CLOSED' };
      await expect(settle(() => device.read(0, new Uint8Array(1)))).rejects.toMatchObject(closed);
      await expect(settle(() => device.write(0, new Uint8Array(1)))).rejects.toMatchObject(closed);
    });
  });
}
