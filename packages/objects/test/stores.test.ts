/** The stores of this package keep the rules of the seam; stores that break one fail at it. */
import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it, vi } from 'vitest';
import { objectStoreConformance, objectStoreRules, StoreConformanceError } from '../src/conformance/index.ts';
import { createMemoryStore, createTroubledStore, type ObjectStore, type StoreTrouble } from '../src/index.ts';

const runner = { describe, it };

objectStoreConformance(runner, 'memory', { make: async () => createMemoryStore() });

async function brokenRules(make: () => ObjectStore): Promise<readonly string[]> {
  const broken: string[] = [];
  for (const { title, check } of objectStoreRules) {
    const store = make();
    try {
      await check({ store, other: store });
    } catch (reason) {
      expect(reason).toBeInstanceOf(StoreConformanceError);
      broken.push(title);
    }
  }
  return broken;
}

/** A memory store with some of its calls replaced. */
function changed(change: (store: ObjectStore) => Partial<ObjectStore>): ObjectStore {
  const store = createMemoryStore();
  const calls: ObjectStore = {
    name: store.name,
    abilities: store.abilities,
    get: (key, options) => store.get(key, options),
    put: (key, body, options) => store.put(key, body, options),
    head: (key, options) => store.head(key, options),
    delete: (key, options) => store.delete(key, options),
    list: (prefix, options) => store.list(prefix, options),
    close: () => store.close(),
  };
  return { ...calls, ...change(store) };
}

describe('a broken store fails the rule that it breaks', { tags: ['slow'] }, () => {
  it.each<[string, string, (store: ObjectStore) => Partial<ObjectStore>]>([
    [
      'conditions that are not looked at',
      'lets one of many puts with ifNoneMatch succeed',
      (store) => ({ put: (key, body, options) => store.put(key, body, { signal: options?.signal }) }),
    ],
    [
      'a condition that is looked at too early',
      'loses no change of writers that compare and swap at the same time',
      (store) => ({
        async put(key, body, options) {
          if (options?.ifMatch === undefined) return store.put(key, body, options);
          const { etag } = await store.head(key);
          if (etag !== options.ifMatch) return store.put(key, body, options);
          await Promise.resolve();
          return store.put(key, body, { signal: options.signal });
        },
      }),
    ],
    [
      'ranges that begin one byte late',
      'gives ranges of an object, as far as it has them',
      (store) => ({
        get: (key, options = {}) =>
          store.get(key, {
            ...options,
            range: options.range && { ...options.range, start: options.range.start + 1 },
          }),
      }),
    ],
    [
      'a list that forgets its last page',
      'lists in pages, each object once',
      (store) => ({
        async list(prefix, options) {
          const page = await store.list(prefix, options);
          return options?.continuation === undefined ? page : { objects: [] };
        },
      }),
    ],
  ])('%s', async (_, rule, change) => {
    expect(await brokenRules(() => changed(change))).toContain(rule);
  });
});

describe('a store in trouble', () => {
  const setUp = (trouble: StoreTrouble | undefined) => {
    const clock = new VirtualClock();
    const below = createMemoryStore();
    return { clock, below, store: createTroubledStore(below, { clock, trouble: () => trouble }) };
  };

  it('keeps the rules while there is none', { tags: ['slow'] }, async () => {
    expect(
      await brokenRules(() => {
        const { below, store } = setUp(undefined);
        return Object.assign(Object.create(store) as ObjectStore, bound(store), { close: () => below.close() });
      }),
    ).toEqual([]);
  });

  it('answers late', async () => {
    const { clock, store } = setUp({ delayMs: 100, answerMs: 50 });
    const done = vi.fn();
    void store.put('a', Uint8Array.of(1)).then(done);
    await clock.advance(149);
    expect(done).not.toHaveBeenCalled();
    await clock.advance(1);
    expect(done).toHaveBeenCalledOnce();
  });

  it('carries out what was aborted meanwhile, with the bytes of that time', async () => {
    const { clock, below, store } = setUp({ delayMs: 100 });
    const abort = new AbortController();
    const bytes = Uint8Array.of(1);
    const put = store.put('a', bytes, { signal: abort.signal }).catch((reason: Error) => reason.message);
    abort.abort(new Error('enough'));
    expect(await put).toBe('enough');
    bytes.fill(9);
    await clock.advance(100);
    expect((await below.get('a')).body).toEqual(Uint8Array.of(1));
  });

  it('fails before or after the call is carried out', async () => {
    for (const isCarriedOut of [false, true]) {
      const { below, store } = setUp({ error: 'ERR_NBD_STORE_TRANSIENT', isCarriedOut, retryAfterMs: 7 });
      await expect(store.put('a', Uint8Array.of(1))).rejects.toMatchObject({
        name: 'StoreError',
        code: 'ERR_NBD_STORE_TRANSIENT',
        operation: 'put',
        key: 'a',
        retryAfterMs: 7,
      });
      expect((await below.list('')).objects).toHaveLength(isCarriedOut ? 1 : 0);
    }
  });
});

/** The calls of a store, so that some can be replaced. */
function bound(store: ObjectStore): Partial<ObjectStore> {
  return {
    get: store.get.bind(store),
    put: store.put.bind(store),
    head: store.head.bind(store),
    delete: store.delete.bind(store),
    list: store.list.bind(store),
  };
}
