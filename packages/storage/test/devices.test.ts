import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { baseAllocation } from '@nbdjs/interfaces';
import { blockDeviceConformance } from '@nbdjs/testkit';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createMemoryDevice, createNullDevice, openFileDevice } from '../src/index.ts';

const folder = mkdtempSync(join(tmpdir(), 'nbdjs-storage-'));
let serial = 0;

afterAll(() => rmSync(folder, { recursive: true }));

const makeFile = (size: number) => openFileDevice(join(folder, `disk-${++serial}`), { create: true, size });

blockDeviceConformance('memory', { make: async (size) => createMemoryDevice({ size }) });
blockDeviceConformance('file', { make: makeFile });
blockDeviceConformance('null', { make: async (size) => createNullDevice({ size }), forgets: true });

describe('without native calls', () => {
  beforeEach(() => vi.stubEnv('NBDJS_NO_NATIVE', '1'));
  afterEach(() => vi.unstubAllEnvs());
  blockDeviceConformance('file', { make: makeFile });

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

  it('gets the size that is asked for, and keeps it otherwise', async () => {
    const path = join(folder, 'sized');
    writeFileSync(path, new Uint8Array(1000).fill(5));
    await (await openFileDevice(path)).close();
    expect(statSync(path).size).toBe(1000);
    const device = await openFileDevice(path, { size: 10 });
    expect(device.isNew).toBe(false);
    await device.close();
    expect(statSync(path).size).toBe(10);
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
    expect(device.lend?.(100, 3)).toEqual(Uint8Array.of(1, 2, 3));
    expect(device.lend?.(65_530, 10)).toEqual(new Uint8Array(6));
    expect(device.lend?.(999_000, 5)).toEqual({ holeBytes: 5 });
    await device.close();
  });
});
