/** What a store keeps: the bytes of its objects, whole and in ranges. */
import type { StoreRule } from './store-under-test.ts';
import { check, equal, failsWith, sameBytes, someBytes } from './verify.ts';

const lengths = [0, 1, 1000, 65_537, 2 ** 20 + 3];

export const contentRules: readonly StoreRule[] = [
  {
    title: 'gives back what was put, also by another way to it',
    async check({ store, other }) {
      for (const length of lengths) {
        const bytes = someBytes(length, length);
        const { etag } = await store.put('some/object', bytes);
        const told = await other.get('some/object');
        sameBytes(told.body, bytes, `an object of ${length} bytes`);
        equal(told.size, length, 'the size');
        equal(told.etag, etag, 'the ETag of the get');
        const facts = await other.head('some/object');
        equal(facts.size, length, 'the size by head');
        equal(facts.etag, etag, 'the ETag by head');
      }
    },
  },
  {
    title: 'gives ranges of an object, as far as it has them',
    async check({ store }) {
      const bytes = someBytes(10_000, 1);
      await store.put('a', bytes);
      for (const [start, length] of [
        [0, 1],
        [0, 10_000],
        [9999, 1],
        [5000, 123],
        [9000, 5000],
        [10_000, 1],
        [20_000, 7],
      ] as const) {
        const { body, size } = await store.get('a', { range: { start, length } });
        sameBytes(body, bytes.subarray(start, start + length), `${length} bytes from ${start} on`);
        equal(size, 10_000, 'the size of the whole object');
      }
    },
  },
  {
    title: 'gives no bytes for a range of an empty object',
    async check({ store }) {
      await store.put('empty', new Uint8Array(0));
      equal((await store.get('empty', { range: { start: 0, length: 10 } })).body.length, 0, 'the length of the range');
    },
  },
  {
    title: 'owns neither the bytes that it was given nor those that it gave',
    async check({ store }) {
      const bytes = someBytes(100, 2);
      await store.put('a', bytes);
      bytes.fill(0);
      (await store.get('a')).body.fill(1);
      sameBytes((await store.get('a')).body, someBytes(100, 2), 'the object');
    },
  },
  {
    title: 'replaces an object by a put, and gives it another ETag',
    async check({ store }) {
      const first = await store.put('a', someBytes(2000, 1));
      const second = await store.put('a', someBytes(10, 2));
      check(first.etag !== second.etag, `both objects have the ETag ${first.etag}`);
      sameBytes((await store.get('a')).body, someBytes(10, 2), 'the object');
    },
  },
  {
    title: 'removes objects, and says what is not there',
    async check({ store }) {
      await store.put('a/b', Uint8Array.of(1));
      await store.put('a/c', Uint8Array.of(2));
      await store.delete('a/b');
      await store.delete('a/b');
      await store.delete('never/there');
      const code = 'ERR_NBD_STORE_NOT_FOUND';
      await failsWith(code, store.get('a/b'), 'a get of an object that was removed');
      await failsWith(code, store.head('a/b'), 'a head of an object that was removed');
      await failsWith(code, store.get('a'), 'a get of a part of a key');
      await failsWith(code, store.get('a/c/d'), 'a get below an object');
      equal((await store.get('a/c')).body[0], 2, 'the byte of the other object');
    },
  },
  {
    title: 'shows a reader whole objects while they are replaced',
    async check({ store, other }) {
      const sizes = [50_000, 300_000];
      await store.put('a', new Uint8Array(sizes[0] as number).fill(1));
      const writing = (async () => {
        for (let round = 0; round < 20; round++) {
          await store.put('a', new Uint8Array(sizes[round % 2] as number).fill(1 + (round % 2)));
        }
      })();
      for (let round = 0; round < 30; round++) {
        const { body } = await other.get('a');
        const value = body.length === sizes[0] ? 1 : 2;
        equal(body.length, sizes[value - 1], 'the length of the object');
        check(
          body.every((byte) => byte === value),
          'the object has bytes of two puts',
        );
      }
      await writing;
    },
  },
];
