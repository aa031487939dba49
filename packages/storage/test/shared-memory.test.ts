/** A device over memory that threads share. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { inheritedWorkerOptions } from '@nbdjs/node';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createSharedMemory, createSharedMemoryDevice, type SharedMemory } from '../src/index.ts';

const mebi = 2 ** 20;
const gibi = 2 ** 30;
const unit = 65_536;

const makeDevice = (size: number) => createSharedMemoryDevice({ memory: createSharedMemory({ size }) });

async function extentsOf(device: BlockDevice, offset: number, length: number): Promise<[number, number, number][]> {
  const [status] = await device.blockStatus(offset, length, { contexts: [baseAllocation] });
  return (status?.extents ?? []).map((extent) => [Number(extent.offset), Number(extent.length), Number(extent.status)]);
}

function startThread(memory: SharedMemory): Worker {
  const thread = new Worker(new URL('./shared-memory-thread.ts', import.meta.url), {
    workerData: memory,
    ...inheritedWorkerOptions(),
  });
  onTestFinished(() => void thread.terminate());
  return thread;
}

blockDeviceConformance('shared memory', { make: async (size) => makeDevice(size), extras: ['memory'] });

describe('a device over shared memory', () => {
  it('knows what is in use to 64 KiB, and forgets what was trimmed', async () => {
    const device = makeDevice(40 * unit + 100);
    await device.write(0, new Uint8Array(40 * unit + 100).fill(7));
    expect(await extentsOf(device, 10, 40 * unit)).toEqual([[10, 40 * unit, 0]]);
    await device.trim(unit - 1, 33 * unit + 2);
    await device.writeZeroes(40 * unit, 100);
    expect(await extentsOf(device, 0, 40 * unit + 100)).toEqual([
      [0, unit, 0],
      [unit, 33 * unit, 3],
      [34 * unit, 6 * unit, 0],
      [40 * unit, 100, 3],
    ]);
    const bytes = new Uint8Array(40 * unit + 100);
    await device.read(0, bytes);
    const stored = bytes.map((byte) => (byte === 0 ? 0 : 1)).reduce((sum, one) => sum + one, 0);
    expect(stored).toBe(unit - 1 + (6 * unit - 1));
    await device.write(2 * unit, Uint8Array.of(1));
    await device.read(0, bytes);
    expect(bytes.subarray(2 * unit, 3 * unit).reduce((sum, one) => sum + one, 0)).toBe(1);
  });

  it('has chunks, and takes what is used only', async () => {
    const device = makeDevice(64 * gibi);
    const before = process.memoryUsage.rss();
    for (const border of [gibi, 63 * gibi]) {
      await device.write(border - 2, Uint8Array.of(1, 2, 3, 4));
      const bytes = new Uint8Array(6);
      await device.read(border - 3, bytes);
      expect(bytes).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 0));
      expect(device.memory?.view(border - 2, 4)).toEqual(Uint8Array.of(1, 2));
    }
    expect(await extentsOf(device, 0, 64 * gibi)).toHaveLength(5);
    expect(process.memoryUsage.rss() - before).toBeLessThan(16 * mebi);
    await device.trim(0, 64 * gibi);
    expect(await extentsOf(device, 0, 64 * gibi)).toEqual([[0, 64 * gibi, 3]]);
  });

  it('zeroes what is long in turns, and can be stopped and closed meanwhile', async () => {
    const memory = createSharedMemory({ size: 64 * mebi });
    const device = createSharedMemoryDevice({ memory });
    const fill = (): unknown => device.write(0, new Uint8Array(64 * mebi).fill(1));
    const firstOf = async (mebibyte: number): Promise<unknown> => {
      const byte = new Uint8Array(1);
      await createSharedMemoryDevice({ memory }).read(mebibyte * mebi, byte);
      return byte[0];
    };
    await fill();
    let turns = 0;
    const count = (): void => {
      turns++;
      ticking = setImmediate(count);
    };
    let ticking = setImmediate(count);
    await device.writeZeroes(0, 64 * mebi);
    clearImmediate(ticking);
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(await firstOf(63)).toBe(0);
    await fill();
    const stop = new AbortController();
    const zeroing = device.trim(0, 64 * mebi, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(zeroing).rejects.toThrow('enough');
    expect(await firstOf(63)).toBe(1);
    const last = device.writeZeroes(0, 64 * mebi);
    await device.close();
    expect(await firstOf(63)).toBe(0);
    await last;
  });

  it.each([
    [{}, 'createSharedMemory: size is missing, expected a whole number of bytes, as a number or a bigint'],
    [{ size: -1 }, '-1 is not a possible size'],
    [
      { size: 64 * gibi + 1 },
      'threads cannot share 68719476737 bytes of memory, expected 68719476736 (64 GiB) at most',
    ],
  ])('cannot have %o', (given, message) => {
    expect(() => createSharedMemory(given as { size: number })).toThrow(
      expect.objectContaining({ code: 'ERR_NBD_ARGUMENT', message }),
    );
  });

  it('needs memory that was made for it, and may refuse to be changed', () => {
    expect(() => createSharedMemoryDevice({ memory: {} as never })).toThrow(
      'createSharedMemoryDevice: memory is an object, expected what createSharedMemory has returned',
    );
    const device = createSharedMemoryDevice({ memory: createSharedMemory({ size: 10 }), readOnly: true });
    expect(() => device.write(0, Uint8Array.of(1))).toThrow(UsageError);
    expect(() => device.trim(0, 1)).toThrow(UsageError);
  });
});

describe('two threads with one memory', () => {
  it('see at once what the other one has written, and zeroed', async () => {
    const memory = createSharedMemory({ size: 4 * mebi });
    const device = createSharedMemoryDevice({ memory });
    const thread = startThread(memory);
    for (let round = 1; round <= 50; round++) {
      const place = (round * 123_457) % (3 * mebi);
      await device.write(place, new Uint8Array(1000).fill(round));
      await device.flush();
      thread.postMessage(place);
      const [found] = await once(thread, 'message');
      expect(found).toBe(round);
      // The other thread has copied the range behind itself, and zeroed it where it was.
      const bytes = new Uint8Array(2000);
      await device.read(place, bytes);
      expect(bytes).toEqual(new Uint8Array(2000).fill(0, 0, 1000).fill(round, 1000));
    }
  });
});
