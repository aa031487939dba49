/** Repetition: what passes, what does not, and conditional puts whose answers are lost. */
import { VirtualClock } from '@nbdjs/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { objectStoreConformance } from '../src/conformance/index.ts';
import {
  createMemoryStore,
  createRetryingStore,
  createTroubledStore,
  type ObjectStore,
  type RetryingStoreOptions,
  type StoreCall,
  type StoreTrouble,
} from '../src/index.ts';

objectStoreConformance({ describe, it }, 'memory, with repetition', {
  make: async () => createRetryingStore(createMemoryStore(), { clock: new VirtualClock() }),
});

let clock: VirtualClock;
let below: ObjectStore;
let calls: StoreCall[];

beforeEach(() => {
  clock = new VirtualClock();
  below = createMemoryStore();
  calls = [];
});

/** A store whose calls suffer in turns; those after the last trouble do not. */
function setUp(
  troubles: readonly (StoreTrouble | undefined)[],
  options: Partial<RetryingStoreOptions> = {},
): ObjectStore {
  const troubled = createTroubledStore(below, {
    clock,
    trouble: (call) => {
      calls.push(call);
      return troubles[calls.length - 1];
    },
  });
  return createRetryingStore(troubled, { clock, random: () => 0.5, ...options });
}

async function passing<Result>(work: Promise<Result>): Promise<Result> {
  work.catch(() => {});
  await clock.advance(1_000_000);
  return work;
}

const lost: StoreTrouble = { error: 'ERR_NBD_STORE_TRANSIENT', isCarriedOut: true };
const failed: StoreTrouble = { error: 'ERR_NBD_STORE_TRANSIENT' };
const bytes = Uint8Array.of(1, 2, 3);

it('repeats what may pass, after growing delays, and as late as the store wishes', async () => {
  const startedMs: number[] = [];
  const troubled = createTroubledStore(below, {
    clock,
    trouble: () => {
      startedMs.push(clock.now());
      const all = [failed, { error: 'ERR_NBD_STORE_THROTTLED', retryAfterMs: 3000 }, failed] as const;
      return all[startedMs.length - 1];
    },
  });
  await passing(createRetryingStore(troubled, { clock, random: () => 1, delayMs: 100 }).put('a', bytes));
  expect(startedMs).toEqual([0, 100, 3100, 3500]);
});

it('tells of each failure that is followed by another attempt, and of no other', async () => {
  const told: [string, number][] = [];
  const store = setUp(
    [{ error: 'ERR_NBD_STORE_THROTTLED', retryAfterMs: 700 }, failed, undefined, { error: 'ERR_NBD_STORE_PERMANENT' }],
    {
      onRetry: ({ code }, delayMs) => told.push([code, delayMs]),
      random: () => 1,
    },
  );
  await passing(store.put('a', bytes));
  await expect(store.get('a')).rejects.toMatchObject({ code: 'ERR_NBD_STORE_PERMANENT' });
  expect(told).toEqual([
    ['ERR_NBD_STORE_THROTTLED', 700],
    ['ERR_NBD_STORE_TRANSIENT', 200],
  ]);
});

it.each(['ERR_NBD_STORE_PERMANENT', 'ERR_NBD_STORE_NOT_FOUND', 'ERR_NBD_STORE_PRECONDITION'] as const)(
  'does not repeat %s',
  async (error) => {
    await expect(setUp([{ error }]).get('a')).rejects.toMatchObject({ code: error });
    expect(calls).toHaveLength(1);
  },
);

it('gives up after its time, and says how often it has tried', async () => {
  const store = setUp(
    Array.from({ length: 1000 }, () => failed),
    { retryMs: 10_000 },
  );
  await expect(passing(store.get('a'))).rejects.toMatchObject({
    code: 'ERR_NBD_STORE_TRANSIENT',
    message: expect.stringMatching(/\(\d+ attempts\)/),
  });
  expect(calls.length).toBeLessThan(12);
  const once = setUp([failed, failed], { retryMs: 0 });
  calls = [];
  await expect(passing(once.get('a'))).rejects.toMatchObject({ code: 'ERR_NBD_STORE_TRANSIENT' });
  expect(calls).toHaveLength(1);
});

it('begins another attempt when an answer does not come', async () => {
  await below.put('a', bytes);
  const store = setUp([{ delayMs: 10 ** 8 }], { attemptMs: 1000 });
  expect((await passing(store.get('a'))).body).toEqual(bytes);
  expect(calls).toHaveLength(2);
});

it('ends with the signal, in an attempt and between two', async () => {
  for (const trouble of [{ delayMs: 10 ** 8 }, failed]) {
    const abort = new AbortController();
    const work = setUp([trouble, trouble], { delayMs: 50_000 }).get('a', { signal: abort.signal });
    await clock.advance(10);
    abort.abort(new Error('enough'));
    await expect(work).rejects.toThrow('enough');
  }
});

describe('a conditional put whose answer is lost', () => {
  it('has succeeded, when its own bytes are there', async () => {
    const { etag } = await passing(setUp([lost]).put('a', bytes, { ifNoneMatch: true }));
    expect(etag).toBe((await below.head('a')).etag);
    calls = [];
    const next = await passing(setUp([lost]).put('a', Uint8Array.of(4), { ifMatch: etag }));
    expect(next.etag).toBe((await below.head('a')).etag);
  });

  it('has failed, when others are there', async () => {
    await below.put('a', Uint8Array.of(9));
    const precondition = { code: 'ERR_NBD_STORE_PRECONDITION' };
    await expect(passing(setUp([failed]).put('a', bytes, { ifNoneMatch: true }))).rejects.toMatchObject(precondition);
    calls = [];
    await expect(passing(setUp([failed]).put('b', bytes, { ifMatch: '"x"' }))).rejects.toMatchObject(precondition);
  });

  it('is not taken for a success after it was only throttled', async () => {
    await below.put('a', bytes);
    const store = setUp([{ error: 'ERR_NBD_STORE_THROTTLED' }]);
    const put = passing(store.put('a', bytes, { ifNoneMatch: true }));
    await expect(put).rejects.toMatchObject({ code: 'ERR_NBD_STORE_PRECONDITION' });
  });
});

it('knows that a conditional delete whose answer is lost has succeeded', async () => {
  const { etag } = await below.put('a', bytes);
  await passing(setUp([lost]).delete('a', { ifMatch: etag }));
  calls = [];
  const { etag: other } = await below.put('a', bytes);
  await expect(passing(setUp([failed]).delete('a', { ifMatch: '"x"' }))).rejects.toMatchObject({
    code: 'ERR_NBD_STORE_PRECONDITION',
  });
  await below.delete('a', { ifMatch: other });
});
