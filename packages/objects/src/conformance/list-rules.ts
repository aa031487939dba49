/** Lists: by prefix, in pages, with every object once. */
import type { ListedObject, ObjectStore } from '../core/store/object-store.ts';
import type { StoreRule } from './store-under-test.ts';
import { check, equal } from './verify.ts';

const pagesMax = 1000;

export const listRules: readonly StoreRule[] = [
  {
    title: 'lists what begins with a prefix',
    async check({ store, other }) {
      for (const key of ['a/1', 'a/2', 'a/b/3', 'ab', 'b']) await store.put(key, new Uint8Array(key.length));
      await store.put('a/gone', Uint8Array.of(1));
      await store.delete('a/gone');
      equal(keysOf(await listAll(other, '')), 'a/1 a/2 a/b/3 ab b', 'all keys');
      equal(keysOf(await listAll(other, 'a')), 'a/1 a/2 a/b/3 ab', "the keys that begin with 'a'");
      equal(keysOf(await listAll(other, 'a/')), 'a/1 a/2 a/b/3', "the keys that begin with 'a/'");
      equal(keysOf(await listAll(other, 'a/b/3')), 'a/b/3', 'one key');
      equal(keysOf(await listAll(other, 'c')), '', 'the keys under a prefix that none has');
      for (const { key, size } of await listAll(other, '')) equal(size, key.length, `the size of '${key}'`);
    },
  },
  {
    title: 'lists in pages, each object once',
    async check({ store }) {
      const keys = Array.from({ length: 57 }, (_, index) => `p/${index % 3}/${index}`);
      await Promise.all(keys.map((key) => store.put(key, Uint8Array.of(1))));
      for (const limit of [1, 10, 57, 1000]) {
        const listed = await listAll(store, 'p/', limit);
        equal(keysOf(listed), [...keys].sort().join(' '), `the keys, ${limit} at a time`);
      }
    },
  },
  {
    title: 'goes on with a list while its objects are removed',
    async check({ store }) {
      await Promise.all(Array.from({ length: 40 }, (_, index) => store.put(`o/${100 + index}`, Uint8Array.of(1))));
      await store.put('o/stays', Uint8Array.of(1));
      const seen: string[] = [];
      for await (const page of pages(store, 'o/', 7)) {
        for (const { key } of page) {
          seen.push(key);
          if (key !== 'o/stays') await store.delete(key);
        }
      }
      equal(seen.filter((key) => key === 'o/stays').length, 1, 'how often the object that stays was listed');
      equal(new Set(seen).size, seen.length, 'the number of different keys');
      equal(keysOf(await listAll(store, 'o/')), 'o/stays', 'what is left');
    },
  },
  {
    title: 'says of an object when it was stored, or nothing',
    async check({ store }) {
      await store.put('a', Uint8Array.of(1));
      const [one] = await listAll(store, '');
      const time = one?.modifiedMs;
      check(time === undefined || (Number.isFinite(time) && time > 0), `modifiedMs is ${time}`);
    },
  },
];

async function* pages(store: ObjectStore, prefix: string, limit?: number): AsyncGenerator<readonly ListedObject[]> {
  let continuation: string | undefined;
  for (let page = 0; page < pagesMax; page++) {
    const told = await store.list(prefix, { continuation, limit });
    check(
      limit === undefined || told.objects.length <= limit,
      `a page has ${told.objects.length} objects, asked for ${limit}`,
    );
    yield told.objects;
    if (told.continuation === undefined) return;
    continuation = told.continuation;
  }
  check(false, `the list has not ended after ${pagesMax} pages`);
}

async function listAll(store: ObjectStore, prefix: string, limit?: number): Promise<readonly ListedObject[]> {
  const all: ListedObject[] = [];
  for await (const page of pages(store, prefix, limit)) all.push(...page);
  return all;
}

function keysOf(objects: readonly ListedObject[]): string {
  return objects
    .map(({ key }) => key)
    .sort()
    .join(' ');
}
