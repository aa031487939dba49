import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryDevice, createNullDevice, openFileDevice } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-storage-'));
let serial = 0;

afterAll(() => rmSync(folder, { recursive: true }));

const makeFile = (size: number) => openFileDevice(join(folder, `disk-${++serial}`), { create: true, size });

/** Lengths of a range's extents. */
async function statusOf(device: BlockDevice, offset: number, length: number): Promise<bigint[]> {
  const [status] = await device.blockStatus(offset, length, { contexts: [baseAllocation] });
  return (status?.extents ?? []).map((extent) => extent.length);
}

blockDeviceConformance('memory', {
  make: async (size) => createMemoryDevice({ size }),
  extras: ['memory', 'resizing'],
});
blockDeviceConformance('file', { make: makeFile, extras: ['resizing'] });
blockDeviceConformance('null', { make: async (size) => createNullDevice({ size }), forgets: true, extras: [] });

describe('without native calls', () => {
  beforeEach(() => vi.stubEnv('NBDJS_NO_NATIVE', '1'));
  afterEach(() => vi.unstubAllEnvs());
  blockDeviceConformance('file', { make: makeFile, extras: ['resizing'] });

  it('says what it cannot do', async () => {
    const device = await makeFile(65_536);
    expect(device.abilities).toMatchObject({ trim: false, fastZero: false, writeZeroes: true });
    await expect(device.writeZeroes(0, 4096, { fastZero: true })).rejects.toMatchObject({ code: 'ENOTSUP' });
    await device.close();
  });
});

describe('a file', () => {
  it('keeps its holes', async () => {
    const device = await makeFile(64 * 2 ** 20);
    expect(device.isNew).toBe(true);
    await device.write(2 ** 20, new Uint8Array(65_536).fill(1));
    const [status] = await device.blockStatus(0, 64 * 2 ** 20);
    expect(status?.extents.map(({ offset, length, status: bits }) => [offset, length, bits])).toEqual([
      [0n, 1_048_576n, 3n],
      [1_048_576n, 65_536n, 0n],
      [1_114_112n, 65_994_752n, 3n],
    ]);
    await device.writeZeroes(2 ** 20, 65_536);
    expect(statSync(join(folder, `disk-${serial}`)).blocks).toBe(0);
    await device.writeZeroes(2 ** 20, 65_536, { noHole: true });
    expect(statSync(join(folder, `disk-${serial}`)).blocks).toBe(128);
    await device.close();
  });

  it('is zeroed in pieces, between which others have their turn, and which can be stopped', async () => {
    const gibi = 2 ** 30;
    const device = await makeFile(8 * gibi);
    const marks = [0, gibi - 1, gibi, 5 * gibi - 1, 5 * gibi];
    const mark = async (): Promise<void> => {
      for (const place of marks) await device.write(place, Uint8Array.of(7));
    };
    const look = async (): Promise<number[]> => {
      const seen: number[] = [];
      for (const place of marks) {
        const byte = new Uint8Array(1);
        await device.read(place, byte);
        seen.push(byte[0] ?? -1);
      }
      return seen;
    };
    for (const work of ['writeZeroes', 'trim'] as const) {
      await mark();
      let turns = 0;
      const count = (): void => {
        turns++;
        ticking = setImmediate(count);
      };
      let ticking = setImmediate(count);
      await device[work](0, BigInt(5 * gibi));
      clearImmediate(ticking);
      expect(await look()).toEqual([0, 0, 0, 0, 7]);
      expect(turns).toBeGreaterThanOrEqual(4);
    }
    await mark();
    const stop = new AbortController();
    const zeroing = device.writeZeroes(0, 5 * gibi, { signal: stop.signal });
    stop.abort(new Error('enough'));
    await expect(zeroing).rejects.toThrow('enough');
    expect((await look())[4]).toBe(7);
    await device.close();
  });

  it('B2: is trimmed while others go on, however many pieces it is in', { tags: ['slow'] }, async () => {
    const length = 16 * 2 ** 20;
    const device = await makeFile(length);
    for (let place = 0; place < length; place += 8192) await device.write(place, new Uint8Array(4096).fill(1));
    await device.flush();
    let longestMs = 0;
    let lastMs = performance.now();
    const watch = (): void => {
      longestMs = Math.max(longestMs, performance.now() - lastMs);
      lastMs = performance.now();
      ticking = setImmediate(watch);
    };
    let ticking = setImmediate(watch);
    const startMs = performance.now();
    await Promise.all([device.trim(0, length / 2), device.writeZeroes(length / 2, length / 2)]);
    const tookMs = performance.now() - startMs;
    clearImmediate(ticking);
    await device.flush();
    expect(statSync(join(folder, `disk-${serial}`)).blocks).toBeLessThan(64);
    // Where it takes no time, there is nothing to see.
    if (tookMs > 200) expect(longestMs).toBeLessThan(tookMs / 2);
    await device.close();
  });

  it('B2: stops trimming, zeroing and caching when it is destroyed', async () => {
    const device = await makeFile(2 ** 40);
    const work = [device.trim(0, 2 ** 40), device.writeZeroes(0, 2 ** 40), device.cache(0, 2 ** 40)];
    const cause = new Error('enough');
    device.destroy(cause);
    expect(await Promise.allSettled(work)).toEqual(work.map(() => ({ status: 'rejected', reason: cause })));
    await device.close();
    await expect(device.read(0, new Uint8Array(1))).rejects.toMatchObject({ code: 'ERR_NBD_CLOSED' });
  });

  it('is read-only when opened so', async () => {
    const path = join(folder, 'read-only');
    writeFileSync(path, 'content');
    const device = await openFileDevice(path, { readOnly: true });
    await expect(device.write(0, Uint8Array.of(1))).rejects.toMatchObject({ code: 'ERR_NBD_READ_ONLY' });
    await device.close();
    expect(readFileSync(path, 'utf8')).toBe('content');
  });

  it('that becomes shorter is an error of the read', async () => {
    const device = await makeFile(65_536);
    truncateSync(join(folder, `disk-${serial}`), 100);
    await expect(device.read(0, new Uint8Array(4096))).rejects.toMatchObject({ code: 'EIO' });
    await device.close();
  });

  it('that does not exist is not made unless asked for, and a folder is no file', async () => {
    await expect(openFileDevice(join(folder, 'nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
    expect(existsSync(join(folder, 'nothing'))).toBe(false);
    await expect(openFileDevice(folder, { readOnly: true })).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
  });

  it.each([true, false])(
    'F32: that is a named pipe, or no disk at all, fails at once (read-only: %s)',
    async (readOnly) => {
      const pipe = join(folder, `pipe-${readOnly}`);
      execFileSync('mkfifo', [pipe]);
      for (const path of [pipe, folder, '/dev/null', '/dev/tty']) {
        await expect(openFileDevice(path, { readOnly, create: true })).rejects.toMatchObject({
          code: 'ERR_NBD_ARGUMENT',
          message: `${path} is neither a regular file nor a block device`,
        });
      }
    },
  );

  it('gets the size that is asked for, and keeps it otherwise', async () => {
    const path = join(folder, 'sized');
    writeFileSync(path, new Uint8Array(1000).fill(5));
    await (await openFileDevice(path)).close();
    expect(statSync(path).size).toBe(1000);
    const device = await openFileDevice(path, { size: 2000 });
    expect(device.isNew).toBe(false);
    await device.close();
    expect(statSync(path).size).toBe(2000);
  });

  it('is not made shorter without `truncate`', async () => {
    const path = join(folder, 'long');
    writeFileSync(path, new Uint8Array(1000).fill(5));
    await expect(openFileDevice(path, { create: true, size: 10 })).rejects.toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
      message: `${path} has 1000 bytes, expected 10 at most: what is longer is cut off only with 'truncate'`,
    });
    expect(readFileSync(path)).toEqual(Buffer.alloc(1000, 5));
    await (await openFileDevice(path, { create: true, size: 10, truncate: true })).close();
    expect(readFileSync(path)).toEqual(Buffer.alloc(10, 5));
  });
});

describe('memory', () => {
  it('may have 2^63 - 1 bytes, and takes what is used only', async () => {
    const device = createMemoryDevice({ size: 2n ** 63n - 1n });
    const end = 2n ** 63n - 1n;
    await device.write(end - 3n, Uint8Array.of(1, 2, 3));
    const target = new Uint8Array(3);
    await device.read(end - 3n, target);
    expect(target).toEqual(Uint8Array.of(1, 2, 3));
    const [status] = await device.blockStatus(0, end, { contexts: [baseAllocation] });
    expect(status?.extents).toHaveLength(2);
    await device.trim(0, end);
    await device.read(end - 3n, target);
    expect(target).toEqual(new Uint8Array(3));
    await device.close();
  });

  it('lends what lies in one page', async () => {
    const device = createMemoryDevice({ size: 1_000_000 });
    await device.write(100, Uint8Array.of(1, 2, 3));
    expect(device.memory?.view(100, 3)).toEqual(Uint8Array.of(1, 2, 3));
    expect(device.memory?.view(65_530, 10)).toEqual(new Uint8Array(6));
    expect(device.memory?.view(65_530, 10)).toEqual(new Uint8Array(6));
    expect(device.memory?.view(70_000, 10)).toEqual({ holeBytes: 10 });
    expect(device.memory?.view(999_000, 5)).toEqual({ holeBytes: 5 });
    await device.close();
  });

  it('lends the place where bytes are stored, if it is one piece', async () => {
    const device = createMemoryDevice({ size: 1_000_000 });
    const place = device.memory?.writableView?.(262_140, 4);
    place?.set([1, 2, 3, 4]);
    const target = new Uint8Array(6);
    await device.read(262_139, target);
    expect(target).toEqual(Uint8Array.of(0, 1, 2, 3, 4, 0));
    expect(device.memory?.writableView?.(262_140, 5)).toBeUndefined();
    expect(() => device.memory?.writableView?.(999_999, 2)).toThrow(UsageError);
    expect(await statusOf(device, 0, 1_000_000)).toEqual([196_608n, 65_536n, 737_856n]);
    await device.close();
    expect(() => device.memory?.writableView?.(0, 1)).toThrow(UsageError);
    const readOnly = createMemoryDevice({ size: 10, readOnly: true });
    expect(() => readOnly.memory?.writableView?.(0, 1)).toThrow(UsageError);
  });

  it('knows what is in use to 64 KiB, and forgets what was trimmed', async () => {
    const device = createMemoryDevice({ size: 1_048_576 });
    await device.write(65_536, new Uint8Array(131_072).fill(1));
    await device.write(524_288, new Uint8Array(262_144).fill(2));
    expect(await statusOf(device, 0, 1_048_576)).toEqual([65_536n, 131_072n, 327_680n, 262_144n, 262_144n]);
    await device.trim(65_536, 65_537);
    await device.writeZeroes(589_824, 65_536);
    expect(await statusOf(device, 0, 1_048_576)).toEqual([
      131_072n,
      65_536n,
      327_680n,
      65_536n,
      65_536n,
      131_072n,
      262_144n,
    ]);
    expect(await statusOf(device, 150_000, 500_000)).toEqual([46_608n, 327_680n, 65_536n, 60_176n]);
    const target = new Uint8Array(4);
    await device.read(131_071, target);
    expect(target).toEqual(Uint8Array.of(0, 0, 1, 1));
    await device.trim(0, 1_048_576);
    expect(await statusOf(device, 0, 1_048_576)).toEqual([1_048_576n]);
    await device.close();
  });
});
