/** A cache on a local device: it saves requests, also after a restart, and never gives wrong bytes, whatever happens to it. */
import { CommandError } from '@nbdjs/interfaces';
import { seededRandom, VirtualClock } from '@nbdjs/testkit';
import { beforeEach, expect, it } from 'vitest';
import {
  createDisk,
  createMemoryStore,
  createSnapshot,
  type ObjectStore,
  type OpenDiskOptions,
  openDisk,
  openJournaledDisk,
} from '../src/index.ts';
import { CrashDevice } from './support/crash-device.ts';

const objectBytes = 65_536;
const size = 40 * objectBytes;

let clock: VirtualClock;
let store: ObjectStore;
/** Requests for data since it was set to 0. */
let gets: number;

function counting(below: ObjectStore): ObjectStore {
  return {
    ...below,
    name: below.name,
    abilities: below.abilities,
    get: (key, options) => {
      if (key.startsWith('objects/')) gets++;
      return below.get(key, options);
    },
    put: below.put.bind(below),
    head: below.head.bind(below),
    delete: below.delete.bind(below),
    list: below.list.bind(below),
    close: below.close.bind(below),
  };
}

beforeEach(async () => {
  clock = new VirtualClock();
  store = counting(createMemoryStore());
  gets = 0;
  await createDisk(store, 'disk', { clock, size, objectBytes });
});

async function filledDisk(seed: number, from: ObjectStore, options: Partial<OpenDiskOptions>): Promise<Uint8Array> {
  const random = seededRandom(seed);
  const bytes = Uint8Array.from({ length: size }, () => 1 + Math.floor(random() * 255));
  const disk = await openDisk(from, 'disk', { clock, ...options });
  await disk.write(0, bytes);
  await disk.close();
  return bytes;
}

async function expectBytes(from: ObjectStore, expected: Uint8Array, options: Partial<OpenDiskOptions>): Promise<void> {
  const disk = await openDisk(from, 'disk', { clock, cacheBytes: 0, ...options });
  for (let start = 0; start < size; start += 100_000) {
    const target = new Uint8Array(Math.min(100_000, size - start));
    await disk.read(start, target);
    expect(Buffer.compare(target, expected.subarray(start, start + target.length))).toBe(0);
  }
  await disk.close();
}

it('saves all requests for data after a restart, of the writer and of a reader', async () => {
  const device = new CrashDevice(6 * size);
  const bytes = await filledDisk(1, store, { localCache: device });
  gets = 0;
  await expectBytes(store, bytes, { localCache: device });
  await expectBytes(store, bytes, { localCache: device, readOnly: true });
  expect(gets).toBe(0);
  await expectBytes(store, bytes, {});
  expect(gets).toBeGreaterThan(30);
});

it('keeps what it has room for, and the rest comes from the store', async () => {
  const device = new CrashDevice(600_000);
  const bytes = await filledDisk(2, store, { localCache: device });
  for (let round = 0; round < 3; round++) {
    gets = 0;
    await expectBytes(store, bytes, { localCache: device });
    expect(gets).toBeGreaterThan(0);
  }
  await expect(openDisk(store, 'disk', { clock, localCache: new CrashDevice(8192) })).rejects.toMatchObject({
    code: 'ERR_NBD_ARGUMENT',
  });
});

it('gives no damaged bytes, wherever the device is damaged', async () => {
  const device = new CrashDevice(6 * size);
  const bytes = await filledDisk(3, store, { localCache: device });
  const random = seededRandom(4);
  for (let round = 0; round < 5; round++) {
    for (let count = 0; count < 300; count++) {
      // Often in the superblock and in the table.
      const sectors = Math.floor((count % 3 === 0 ? 100_000 : Number(device.geometry.size)) / 512);
      const place = 512 * Math.floor(random() * sectors);
      const sector = new Uint8Array(512);
      device.read(place, sector);
      for (let flip = 0; flip < 3; flip++) sector[Math.floor(random() * 512)] = random() * 256;
      await device.write(place, sector);
    }
    await expectBytes(store, bytes, { localCache: device });
  }
});

it('gives right bytes whatever of its writes a crash has left', async () => {
  let device = new CrashDevice(6 * size);
  const random = seededRandom(10);
  for (let round = 0; round < 4; round++) {
    const bytes = await filledDisk(20 + round, store, { localCache: device });
    await expectBytes(store, bytes, { localCache: device.crashed(random) });
    device = device.crashed(random);
  }
});

it('does without a device that fails', async () => {
  const device = new CrashDevice(6 * size);
  const bytes = await filledDisk(5, store, { localCache: device });
  let isBroken = false;
  const failing = new Proxy(device, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      return async (...words: unknown[]) => {
        if (isBroken && name !== 'close') throw new CommandError('EIO', 'the device is broken');
        return value.apply(target, words);
      };
    },
  });
  const disk = await openDisk(store, 'disk', { clock, cacheBytes: 0, localCache: failing });
  isBroken = true;
  const target = new Uint8Array(size);
  await disk.read(0, target);
  expect(Buffer.compare(target, bytes)).toBe(0);
  await disk.write(0, bytes);
  await disk.close();
});

it('is not used for another disk, and not where the store was restored from a backup', async () => {
  const device = new CrashDevice(6 * size);
  await filledDisk(6, store, { localCache: device });
  const backup = await copyOf(store);
  // Both go on with the same names of objects.
  await filledDisk(7, store, { localCache: device });
  const other = await filledDisk(8, backup, {});
  await expectBytes(backup, other, { localCache: device });
  await createDisk(store, 'other', { clock, size, objectBytes });
  const fresh = await openDisk(store, 'other', { clock, localCache: device });
  const target = new Uint8Array(size).fill(1);
  await fresh.read(0, target);
  expect(target.every((byte) => byte === 0)).toBe(true);
  await fresh.close();
});

it('has what a snapshot and the disk have in common only once, and works beside a journal', async () => {
  const device = new CrashDevice(6 * size);
  const bytes = await filledDisk(9, store, { localCache: device });
  await createSnapshot(store, 'disk', 'one', { clock });
  gets = 0;
  await expectBytes(store, bytes, { localCache: device, snapshot: 'one' });
  expect(gets).toBe(0);
  const journal = new CrashDevice(2 ** 22);
  const disk = await openJournaledDisk(store, 'disk', { clock, journal, localCache: device, cacheBytes: 0 });
  const target = new Uint8Array(size);
  await disk.read(0, target);
  expect(Buffer.compare(target, bytes)).toBe(0);
  expect(gets).toBe(0);
  await disk.close();
});

async function copyOf(from: ObjectStore): Promise<ObjectStore> {
  const copy = createMemoryStore();
  let continuation: string | undefined;
  do {
    const page = await from.list('', { continuation });
    for (const { key } of page.objects) await copy.put(key, (await from.get(key)).body);
    continuation = page.continuation;
  } while (continuation !== undefined);
  return copy;
}
