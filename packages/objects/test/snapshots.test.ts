/** Snapshots, clones, deletion, garbage collection and checks. */
import { VirtualClock } from '@nbdjs/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  checkStore,
  cloneDisk,
  collectGarbage,
  createDisk,
  createMemoryStore,
  createSnapshot,
  deleteDisk,
  deleteSnapshot,
  inspectDisk,
  listDisks,
  measureDisk,
  type ObjectDisk,
  type ObjectStore,
  openDisk,
} from '../src/index.ts';

const objectBytes = 65_536;
const blockCount = 20;
let clock: VirtualClock;
let use: { clock: VirtualClock; wallClock: () => number };
let store: ObjectStore;

beforeEach(async () => {
  clock = new VirtualClock();
  use = { clock, wallClock: () => 1000 };
  store = createMemoryStore();
  await createDisk(store, 'disk', { ...use, size: blockCount * objectBytes, objectBytes });
});

async function fill(disk: ObjectDisk, value: number, blocks = blockCount): Promise<void> {
  for (let block = 0; block < blocks; block++)
    await disk.write(block * objectBytes, new Uint8Array(objectBytes).fill(value));
  await disk.flush();
}

async function firstBytes(name: string, snapshot?: string): Promise<readonly number[]> {
  const disk = await openDisk(store, name, { clock, readOnly: true, snapshot });
  const bytes: number[] = [];
  for (let block = 0; block < blockCount; block++) {
    const target = new Uint8Array(1);
    await disk.read(block * objectBytes, target);
    bytes.push(target[0] as number);
  }
  await disk.close();
  return bytes;
}

const all = (value: number): readonly number[] => Array.from({ length: blockCount }, () => value);

async function objectCount(): Promise<number> {
  return (await store.list('objects/')).objects.length;
}

describe('snapshots', () => {
  it('keep what was flushed, made by the writer or beside it', async () => {
    const disk = await openDisk(store, 'disk', use);
    await fill(disk, 1);
    await disk.snapshot('one');
    await fill(disk, 2);
    await createSnapshot(store, 'disk', 'two', use);
    await fill(disk, 3);
    expect(await firstBytes('disk', 'one')).toEqual(all(1));
    expect(await firstBytes('disk', 'two')).toEqual(all(2));
    expect(await firstBytes('disk')).toEqual(all(3));
    await expect(disk.snapshot('one')).rejects.toMatchObject({ code: 'ERR_NBD_EXISTS' });
    await expect(createSnapshot(store, 'disk', 'two', use)).rejects.toMatchObject({ code: 'ERR_NBD_EXISTS' });
    await expect(disk.snapshot('no/name')).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
    await expect(openDisk(store, 'disk', { clock, snapshot: 'none' })).rejects.toMatchObject({
      code: 'ERR_NBD_ARGUMENT',
    });
    expect((await inspectDisk(store, 'disk', use)).snapshots.map(({ name, time }) => [name, time])).toEqual([
      ['one', 1000],
      ['two', 1000],
    ]);
    await deleteSnapshot(store, 'disk', 'one', use);
    await fill(disk, 4);
    expect((await collectGarbage(store, use)).removed).toBeGreaterThanOrEqual(blockCount);
    expect(await firstBytes('disk', 'two')).toEqual(all(2));
    expect(await firstBytes('disk')).toEqual(all(4));
    await disk.close();
  });

  it('are refused to readers', async () => {
    const reader = await openDisk(store, 'disk', { clock, readOnly: true });
    await expect(reader.snapshot('one')).rejects.toMatchObject({ code: 'ERR_NBD_READ_ONLY' });
    await expect(reader.write(0, Uint8Array.of(1))).rejects.toMatchObject({ code: 'ERR_NBD_READ_ONLY' });
  });
});

describe('clones', () => {
  it('share objects until they are written to, and outlive the disk', async () => {
    const disk = await openDisk(store, 'disk', use);
    await fill(disk, 1);
    await disk.snapshot('one');
    const before = await objectCount();
    await cloneDisk(store, { disk: 'disk', snapshot: 'one' }, 'vm/clone', use);
    expect(await objectCount()).toBe(before);
    const clone = await openDisk(store, 'vm/clone', use);
    await fill(clone, 5, 3);
    await clone.close();
    await disk.close();
    expect(await listDisks(store, use)).toEqual(['disk', 'vm/clone']);
    expect((await inspectDisk(store, 'vm/clone', use)).origin).toEqual({ disk: 'disk', snapshot: 'one' });
    await deleteDisk(store, 'disk', use);
    await collectGarbage(store, use);
    expect(await listDisks(store, use)).toEqual(['vm/clone']);
    expect(await firstBytes('vm/clone')).toEqual([5, 5, 5, ...all(1).slice(3)]);
    expect(await checkStore(store, undefined, { ...use, data: true })).toMatchObject({
      disks: 1,
      objects: 20,
      problems: [],
    });
    // The clone of a clone.
    await createSnapshot(store, 'vm/clone', 'again', use);
    await cloneDisk(store, { disk: 'vm/clone', snapshot: 'again' }, 'disk', use);
    await deleteDisk(store, 'vm/clone', use);
    await collectGarbage(store, use);
    expect(await firstBytes('disk')).toEqual([5, 5, 5, ...all(1).slice(3)]);
  });

  it('keep their snapshot while they are made, and say so', async () => {
    const disk = await openDisk(store, 'disk', use);
    await fill(disk, 1);
    await disk.snapshot('one');
    await disk.close();
    const stuck: ObjectStore = Object.assign(Object.create(store), {
      name: store.name,
      abilities: store.abilities,
      get: store.get.bind(store),
      put: (key: string, ...rest: [Uint8Array, object]) =>
        key === 'disks/clone' ? Promise.reject(new Error('the process has ended')) : store.put(key, ...rest),
    });
    await expect(cloneDisk(stuck, { disk: 'disk', snapshot: 'one' }, 'clone', use)).rejects.toThrow('has ended');
    await expect(deleteSnapshot(store, 'disk', 'one', use)).rejects.toMatchObject({ code: 'ERR_NBD_STATE' });
    await expect(deleteDisk(store, 'disk', use)).rejects.toMatchObject({ code: 'ERR_NBD_STATE' });
    expect((await checkStore(store, 'disk', { ...use, repair: true })).problems).toMatchObject([
      { where: 'disk@one', what: expect.stringContaining("a clone to 'clone' was begun"), isLoss: false },
    ]);
    await cloneDisk(store, { disk: 'disk', snapshot: 'one' }, 'clone', use);
    await deleteSnapshot(store, 'disk', 'one', { ...use, force: true });
    await deleteDisk(store, 'disk', use);
  });

  it('are refused where a disk is', async () => {
    await createSnapshot(store, 'disk', 'one', use);
    await createDisk(store, 'other', { ...use, size: 1 });
    await expect(cloneDisk(store, { disk: 'disk', snapshot: 'one' }, 'other', use)).rejects.toMatchObject({
      code: 'ERR_NBD_EXISTS',
    });
    await deleteSnapshot(store, 'disk', 'one', use);
  });
});

describe('a disk that was deleted', () => {
  it('fences its writer, and can be made again', async () => {
    const disk = await openDisk(store, 'disk', use);
    await fill(disk, 1);
    await deleteDisk(store, 'disk', use);
    await disk.write(0, Uint8Array.of(9));
    await expect(disk.flush()).rejects.toMatchObject({
      code: 'ESHUTDOWN',
      message: expect.stringContaining('deleted'),
    });
    await disk.close();
    await expect(openDisk(store, 'disk', use)).rejects.toMatchObject({ code: 'ERR_NBD_STORE_NOT_FOUND' });
    await createDisk(store, 'disk', { ...use, size: blockCount * objectBytes, objectBytes });
    await expect(createDisk(store, 'disk', { ...use, size: 1 })).rejects.toMatchObject({ code: 'ERR_NBD_EXISTS' });
    expect(await firstBytes('disk')).toEqual(all(0));
    await collectGarbage(store, use);
    expect(await objectCount()).toBe(0);
  });
});

describe('a collection', () => {
  it('leaves alone what a writer has stored and not named yet', async () => {
    const disk = await openDisk(store, 'disk', use);
    await disk.write(0, new Uint8Array(objectBytes).fill(1));
    await clock.advance(1);
    expect(await objectCount()).toBe(1);
    expect(await collectGarbage(store, use)).toMatchObject({ young: 1, removed: 0 });
    await disk.flush();
    expect(await collectGarbage(store, use)).toMatchObject({ named: 1, young: 0, removed: 0 });
    expect((await firstBytes('disk'))[0]).toBe(1);
    await disk.close();
  });

  it('removes what a writer that is fenced has stored', async () => {
    const dead = await openDisk(store, 'disk', use);
    await dead.write(0, new Uint8Array(objectBytes).fill(1));
    await clock.advance(1);
    const disk = await openDisk(store, 'disk', { ...use, takeOver: 'now' });
    expect(await collectGarbage(store, { ...use, dryRun: true })).toMatchObject({ removed: 1 });
    expect(await collectGarbage(store, use)).toMatchObject({ disks: 1, young: 0, removed: 1 });
    expect(await objectCount()).toBe(0);
    await disk.close();
  });

  it('takes 10,000 objects, and keeps the pages that name them', { tags: ['slow'] }, async () => {
    await createDisk(store, 'large', { ...use, size: 20_000 * objectBytes, objectBytes });
    const disk = await openDisk(store, 'large', { ...use, dirtyBytes: 2 ** 24 });
    const one = new Uint8Array(1024).fill(1);
    for (let block = 0; block < 10_000; block++) await disk.write(2 * block * objectBytes, one);
    await disk.flush();
    expect(await collectGarbage(store, use)).toMatchObject({ removed: expect.any(Number) });
    const { objects } = await measureDisk(store, 'large', undefined, use);
    expect(objects).toBe(10_000);
    await disk.writeZeroes(0, 20_000 * objectBytes);
    await disk.flush();
    expect((await collectGarbage(store, use)).removed).toBeGreaterThanOrEqual(10_000);
    expect(await checkStore(store, 'large', use)).toMatchObject({ objects: 0, problems: [] });
    await disk.close();
  });
});

describe('a check', () => {
  it('finds what is missing, too short, or changed', async () => {
    const disk = await openDisk(store, 'disk', use);
    await fill(disk, 1, 3);
    await disk.close();
    const keys = (await store.list('objects/')).objects.map(({ key }) => key).sort();
    const [first, second, third] = keys as [string, string, string];
    await store.delete(first);
    await store.put(second, (await store.get(second)).body.subarray(1));
    const body = (await store.get(third)).body;
    body[body.length - 100] = 9;
    await store.put(third, body);
    expect((await checkStore(store, undefined, use)).problems.map(({ isLoss }) => isLoss)).toEqual([true, true]);
    const { problems } = await checkStore(store, 'disk', { ...use, data: true });
    expect(problems.map(({ what }) => what)).toEqual([
      expect.stringContaining('there is no such object'),
      expect.stringContaining('bytes, expected'),
      expect.stringContaining('the checksum of chunk 63'),
    ]);
    const reader = await openDisk(store, 'disk', { clock, readOnly: true });
    for (const block of [0, 1, 2]) {
      const target = new Uint8Array(objectBytes);
      await expect(reader.read(block * objectBytes, target)).rejects.toMatchObject({ code: 'EIO' });
    }
    await reader.close();
  });

  it('says what a manifest has that it cannot be', async () => {
    for (const text of [
      '',
      '{',
      '{"format":2}',
      '{"format":1,"id":"x"}',
      '[]',
      'null',
      '{"format":1,"id":"0123456789abcdef","commit":-1}',
    ]) {
      await store.put('disks/disk', new TextEncoder().encode(text));
      await expect(openDisk(store, 'disk', use), text).rejects.toMatchObject({ code: 'EIO' });
      expect((await checkStore(store, undefined, use)).problems, text).toHaveLength(1);
      await expect(collectGarbage(store, use), text).rejects.toMatchObject({ code: 'EIO' });
    }
  });
});
