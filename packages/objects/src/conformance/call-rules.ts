/** How a store treats any call: keys, signals, calls after it was closed. */
import { UsageError } from '@nbdjs/interfaces';
import type { StoreRule } from './store-under-test.ts';
import { check, equal, failureOf } from './verify.ts';

const badKeys = ['', '/', 'a/', '/a', 'a//b', '../a', 'a/../b', '.hidden', 'a b', 'a\nb', 'ä', 'a'.repeat(513)];

export const callRules: readonly StoreRule[] = [
  {
    title: 'refuses keys that not every store can have',
    async check({ store }) {
      for (const key of badKeys) {
        const reason = await failureOf(store.put(key, Uint8Array.of(1)), `a put of '${key}'`);
        check(
          reason instanceof UsageError && reason.code === 'ERR_NBD_ARGUMENT',
          `a put of '${key}': got ${String(reason)}`,
        );
      }
      equal((await store.list('')).objects.length, 0, 'the number of objects');
    },
  },
  {
    title: 'takes the longest keys, and names that begin alike',
    async check({ store }) {
      const keys = [`${'n'.repeat(100)}/${'k'.repeat(200)}/${'m'.repeat(200)}`, 'a', 'a.b/c', 'a-b', 'A'];
      for (const [index, key] of keys.entries()) await store.put(key, Uint8Array.of(index));
      for (const [index, key] of keys.entries()) equal((await store.get(key)).body[0], index, `the byte of '${key}'`);
    },
  },
  {
    title: 'rejects with the reason of a signal that is aborted already, and changes nothing',
    async check({ store }) {
      const reason = new Error('enough');
      const abort = new AbortController();
      abort.abort(reason);
      const options = { signal: abort.signal };
      await store.put('there', Uint8Array.of(1));
      equal(await failureOf(store.put('a', Uint8Array.of(1), options), 'the put'), reason, 'the failure of the put');
      equal(await failureOf(store.get('there', options), 'the get'), reason, 'the failure of the get');
      equal(await failureOf(store.head('there', options), 'the head'), reason, 'the failure of the head');
      equal(await failureOf(store.delete('there', options), 'the delete'), reason, 'the failure of the delete');
      equal(await failureOf(store.list('', options), 'the list'), reason, 'the failure of the list');
      equal((await store.list('')).objects.length, 1, 'the number of objects');
    },
  },
  {
    title: 'is closed any number of times, and refuses calls afterwards',
    async check({ store, other }) {
      await other.close();
      await store.close();
      await store.close();
      const reason = await failureOf(store.get('a'), 'a get of a closed store');
      check(
        reason instanceof UsageError && reason.code === 'ERR_NBD_CLOSED',
        `a get of a closed store: got ${String(reason)}`,
      );
    },
  },
];
