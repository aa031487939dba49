/** Conditional puts and deletes: what keeps two writers apart. */
import { UsageError } from '@nbdjs/interfaces';
import type { ObjectStore } from '../core/store/object-store.ts';
import { isStoreError } from '../core/store/store-error.ts';
import type { StoreRule } from './store-under-test.ts';
import { check, equal, failsWith, failureOf, sameBytes } from './verify.ts';

const code = 'ERR_NBD_STORE_PRECONDITION';
const writerCount = 8;
const roundCount = 10;

export const conditionRules: readonly StoreRule[] = [
  {
    title: 'puts with ifNoneMatch only where there is no object',
    async check({ store, other }) {
      if (!store.abilities.conditionalPut) return;
      await store.put('a', Uint8Array.of(1), { ifNoneMatch: true });
      await failsWith(code, other.put('a', Uint8Array.of(2), { ifNoneMatch: true }), 'a second put with ifNoneMatch');
      sameBytes((await store.get('a')).body, Uint8Array.of(1), 'the object');
      await store.delete('a');
      await other.put('a', Uint8Array.of(3), { ifNoneMatch: true });
      sameBytes((await store.get('a')).body, Uint8Array.of(3), 'the object that was put after a delete');
    },
  },
  {
    title: 'puts with ifMatch only over the object that was seen',
    async check({ store, other }) {
      if (!store.abilities.conditionalPut) return;
      await failsWith(
        code,
        store.put('a', Uint8Array.of(1), { ifMatch: '"none"' }),
        'a put with ifMatch over no object',
      );
      const first = await store.put('a', Uint8Array.of(1));
      const second = await other.put('a', Uint8Array.of(2), { ifMatch: first.etag });
      await failsWith(code, store.put('a', Uint8Array.of(3), { ifMatch: first.etag }), 'a put with an old ETag');
      sameBytes((await store.get('a')).body, Uint8Array.of(2), 'the object');
      equal((await store.head('a')).etag, second.etag, 'the ETag');
      const { etag } = await store.get('a');
      await store.put('a', Uint8Array.of(4), { ifMatch: etag });
    },
  },
  {
    title: 'refuses a put with two conditions',
    async check({ store }) {
      const reason = await failureOf(
        store.put('a', Uint8Array.of(1), { ifMatch: '"1"', ifNoneMatch: true }),
        'the put',
      );
      check(reason instanceof UsageError, `expected a UsageError, got ${String(reason)}`);
    },
  },
  {
    title: 'lets one of many puts with ifNoneMatch succeed',
    async check({ store, other }) {
      if (!store.abilities.conditionalPut) return;
      for (let round = 0; round < roundCount; round++) {
        const outcomes = await Promise.all(
          Array.from({ length: writerCount }, (_, index) =>
            isPut(index % 2 === 0 ? store : other, `race/${round}`, Uint8Array.of(index), { ifNoneMatch: true }),
          ),
        );
        equal(outcomes.filter(Boolean).length, 1, 'the number of puts that succeeded');
        const { body } = await store.get(`race/${round}`);
        equal(body[0], outcomes.indexOf(true), 'the writer whose bytes are there');
      }
    },
  },
  {
    title: 'loses no change of writers that compare and swap at the same time',
    async check({ store, other }) {
      if (!store.abilities.conditionalPut) return;
      await store.put('counter', new TextEncoder().encode('0 start'));
      await Promise.all(
        Array.from({ length: writerCount }, (_, index) => count(index % 2 === 0 ? store : other, index)),
      );
      const text = new TextDecoder().decode((await store.get('counter')).body);
      equal(Number.parseInt(text, 10), writerCount * roundCount, 'the counter');
    },
  },
  {
    title: 'removes with ifMatch only the object that was seen, if it can',
    async check({ store }) {
      const first = await store.put('a', Uint8Array.of(1));
      const second = await store.put('a', Uint8Array.of(2));
      if (!store.abilities.conditionalDelete) {
        const reason = await failureOf(store.delete('a', { ifMatch: second.etag }), 'a conditional delete');
        check(reason instanceof UsageError, `expected a UsageError, got ${String(reason)}`);
        return;
      }
      await failsWith(code, store.delete('a', { ifMatch: first.etag }), 'a delete with an old ETag');
      await store.delete('a', { ifMatch: second.etag });
      await failsWith(code, store.delete('a', { ifMatch: second.etag }), 'a delete of what is not there');
    },
  },
];

/** Counts up, each time with a text of its own: of equal texts the ETags may be equal. */
async function count(store: ObjectStore, writer: number): Promise<void> {
  for (let round = 0; round < roundCount; ) {
    const { body, etag } = await store.get('counter');
    const next = Number.parseInt(new TextDecoder().decode(body), 10) + 1;
    const text = new TextEncoder().encode(`${next} ${writer}.${round}`);
    if (await isPut(store, 'counter', text, { ifMatch: etag })) round++;
  }
}

/** Whether a conditional put succeeds. A store may also answer a race by a throttled put, as S3 does (409); that is tried again. */
async function isPut(
  store: ObjectStore,
  key: string,
  body: Uint8Array,
  condition: { readonly ifMatch?: string; readonly ifNoneMatch?: boolean },
): Promise<boolean> {
  for (;;) {
    try {
      await store.put(key, body, condition);
      return true;
    } catch (error) {
      if (isStoreError(error, code)) return false;
      if (!isStoreError(error, 'ERR_NBD_STORE_THROTTLED')) throw error;
    }
  }
}
