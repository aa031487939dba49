/** The store in a folder: the rules of the seam, by one process and by two, and what kills and strange files do to it. */
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { objectStoreConformance } from '../src/conformance/index.ts';
import { openFolderStore } from '../src/folder/index.ts';
import { isStoreError, type ObjectStore } from '../src/index.ts';
import { StoreProcess } from './support/store-process.ts';

const folders = new Map<ObjectStore, string>();

/** A new store, whose folder goes when it is closed. */
async function makeStore(): Promise<ObjectStore> {
  const folder = await mkdtemp(join(tmpdir(), 'nbdjs-folder-'));
  const store = await openFolderStore(folder, { create: true });
  const { close } = store;
  store.close = async () => {
    await close.call(store);
    await rm(folder, { recursive: true, force: true });
  };
  folders.set(store, folder);
  return store;
}

const runner = { describe, it };
const reopened = { make: makeStore, reopen: (store: ObjectStore) => openFolderStore(folders.get(store) as string) };
objectStoreConformance(runner, 'folder, opened twice', reopened);

describe('with another process', { tags: ['slow'] }, () => {
  let process: StoreProcess;
  beforeAll(async () => {
    process = await StoreProcess.start();
  });
  afterAll(() => process.kill());
  objectStoreConformance(runner, 'folder, of two processes', {
    make: makeStore,
    reopen: async (store) => process.open(folders.get(store) as string),
  });
});

describe('the store in a folder', () => {
  let folder: string;
  let store: ObjectStore;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nbdjs-folder-'));
    store = await openFolderStore(join(folder, 'store'), { create: true });
  });

  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  const body = (text: string): Uint8Array => new TextEncoder().encode(text);
  const root = (): string => join(folder, 'store');

  it('lists in the order of the keys, also where names are long', async () => {
    const long = 'n'.repeat(300);
    const keys = [
      long,
      `${long}-a`,
      `${long}/b`,
      `${long}c`,
      `${'n'.repeat(200)}/d`,
      'Z',
      'a',
      'a-b',
      'a.b',
      'a/b',
      'aB',
    ];
    for (const key of keys) await store.put(key, body(key));
    const other = await openFolderStore(root());
    for (const limit of [1, 2, 1000]) {
      const listed: string[] = [];
      let continuation: string | undefined;
      do {
        // Each page by another store, which has not seen the page before.
        const page = await (listed.length % 2 === 0 ? store : other).list('', { limit, continuation });
        listed.push(...page.objects.map(({ key }) => key));
        continuation = page.continuation;
      } while (continuation !== undefined);
      expect(listed).toEqual([...keys].sort());
    }
  });

  it('writes nothing outside of its folder, and nothing besides objects in data', async () => {
    for (const key of ['../x', 'a/../../x', '/x', '.x', 'a/.x', 'a\\b', 'a@', 'a%b', 'a+']) {
      await expect(store.put(key, body('x'))).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
    }
    await store.put('disks/VM', body('x'));
    expect(await readdir(folder)).toEqual(['store']);
    expect(await readdir(join(root(), 'data/disks'))).toEqual(['%v%m@']);
    expect(await readdir(join(root(), 'temporary'))).toEqual([]);
  });

  it('finds an object that was damaged or cut short', async () => {
    await store.put('a', body('some text'));
    const path = join(root(), 'data/a@');
    const bytes = await readFile(path);
    await writeFile(
      path,
      bytes.map((byte, index) => (index === 3 ? byte ^ 1 : byte)),
    );
    await expect(store.get('a')).rejects.toMatchObject({ code: 'ERR_NBD_STORE_PERMANENT', message: /is damaged/ });
    await writeFile(path, bytes);
    await truncate(path, bytes.length - 5);
    await expect(store.head('a')).rejects.toMatchObject({ code: 'ERR_NBD_STORE_PERMANENT', message: /is damaged/ });
    await truncate(path, 3);
    await expect(store.get('a', { range: { start: 0, length: 1 } })).rejects.toMatchObject({
      code: 'ERR_NBD_STORE_PERMANENT',
    });
  });

  it('ignores files that are no objects', async () => {
    await store.put('a/b', body('x'));
    await writeFile(join(root(), 'data/a/.b.swp'), 'x');
    await writeFile(join(root(), 'data/a/c'), 'x');
    await mkdir(join(root(), 'data/d@'));
    expect((await store.list('')).objects.map(({ key }) => key)).toEqual(['a/b']);
  });

  it('is not made of a folder that has something else in it, and not found where there is none', async () => {
    await writeFile(join(folder, 'letter.txt'), 'x');
    await expect(openFolderStore(folder, { create: true })).rejects.toMatchObject({ message: /letter\.txt/ });
    await expect(openFolderStore(folder)).rejects.toMatchObject({ code: 'ERR_NBD_STORE_NOT_FOUND' });
    await writeFile(join(root(), 'nbdjs-objects.json'), '{"format":2}');
    await expect(openFolderStore(root())).rejects.toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
  });

  it('does not come to life again in a folder that is gone', async () => {
    await store.put('a', body('x'));
    await rm(root(), { recursive: true });
    await mkdir(root());
    await expect(store.put('b', body('x'))).rejects.toMatchObject({ code: 'ERR_NBD_STORE_NOT_FOUND' });
    await expect(store.list('')).rejects.toMatchObject({ code: 'ERR_NBD_STORE_NOT_FOUND' });
    expect(await readdir(root())).toEqual([]);
  });

  it('removes old files of processes that were killed, and no young ones', async () => {
    const [old, young] = [join(root(), 'temporary/old'), join(root(), 'temporary/young')];
    await writeFile(old, 'x');
    await writeFile(young, 'x');
    await utimes(old, 0, 0);
    await openFolderStore(root());
    expect(await readdir(join(root(), 'temporary'))).toEqual(['young']);
  });

  it('loses no change and leaves no lock when processes are killed', { tags: ['slow'] }, async () => {
    await store.put('counter', body('0'));
    const rounds = globalThis.process.env.NBDJS_LONG === '1' ? 40 : 4;
    let acknowledged = 0;
    for (let round = 0; round < rounds; round++) {
      const processes = await Promise.all([StoreProcess.start(), StoreProcess.start()]);
      const work = processes.map(async (process, index) => {
        const one = process.open(root());
        for (let step = 0; ; step++) {
          const { body: bytes, etag } = await one.get('counter');
          const [count = ''] = new TextDecoder().decode(bytes).split(' ');
          try {
            await one.put('counter', body(`${Number(count) + 1} ${round}.${index}.${step}`), { ifMatch: etag });
            acknowledged++;
          } catch (error) {
            if (!isStoreError(error, 'ERR_NBD_STORE_PRECONDITION')) throw error;
          }
        }
      });
      const ended = Promise.allSettled(work);
      await new Promise((resolve) => setTimeout(resolve, 60 + 100 * Math.random()));
      await Promise.all(processes.map((process) => process.kill()));
      await ended;
    }
    const count = Number.parseInt(new TextDecoder().decode((await store.get('counter')).body), 10);
    // A process may have been killed after its change, and before it could say so: two of them in each round.
    expect(acknowledged).toBeGreaterThan(rounds);
    expect(count).toBeGreaterThanOrEqual(acknowledged);
    expect(count).toBeLessThanOrEqual(acknowledged + 2 * rounds);
    await store.put('counter', body('free'));
  });
});
