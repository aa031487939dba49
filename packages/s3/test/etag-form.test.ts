/** Stores that read the ETag of a condition in another way than HTTP has it. */
import { systemClock } from '@nbdjs/node';
import { createRetryingStore } from '@nbdjs/objects';
import { describe, expect, it } from 'vitest';
import { serve } from './support/s3.ts';

const code = 'ERR_NBD_STORE_PRECONDITION';

describe('a store that compares ETags without quotes', () => {
  it('is found out by its first conditional put, and once', async () => {
    await using served = await serve({ comparesPlainEtags: true });
    let { etag } = await served.store.put('a', Uint8Array.of(1));
    for (let round = 2; round < 5; round++) {
      ({ etag } = await served.store.put('a', Uint8Array.of(round), { ifMatch: etag }));
    }
    const old = '"00000000000000000000000000000000"';
    await expect(served.store.put('a', Uint8Array.of(9), { ifMatch: old })).rejects.toMatchObject({ code });
    expect((await served.store.get('a')).body).toEqual(Uint8Array.of(4));
    expect(served.server.calls.filter(({ key }) => key === 'probe')).toHaveLength(3);
  });

  it('is found out by many at a time', async () => {
    await using served = await serve({ comparesPlainEtags: true });
    const names = ['a', 'b', 'c', 'd'];
    const etags = await Promise.all(names.map((name) => served.store.put(name, Uint8Array.of(1))));
    await Promise.all(
      names.map((name, index) => served.store.put(name, Uint8Array.of(2), { ifMatch: etags[index]?.etag })),
    );
    for (const name of names) expect((await served.store.get(name)).body).toEqual(Uint8Array.of(2));
  });
});

it('a store that passes over an ETag without quotes never gets one for an object', async () => {
  // The condition fails once although the object has the ETag, as after a change there and back.
  let count = 0;
  const error = { status: 412, code: 'PreconditionFailed' };
  await using served = await serve({
    ignoresPlainEtags: true,
    trouble: ({ headers }) => (headers['if-match'] !== undefined && ++count === 1 ? { error } : undefined),
  });
  const { etag } = await served.store.put('a', Uint8Array.of(1));
  await expect(served.store.put('a', Uint8Array.of(2), { ifMatch: etag })).rejects.toMatchObject({ code });
  expect((await served.store.get('a')).body).toEqual(Uint8Array.of(1));
  await served.store.put('a', Uint8Array.of(3), { ifMatch: etag });
  const sent = served.server.calls.filter(({ key, headers }) => key === 'a' && headers['if-match'] !== undefined);
  expect(sent.map(({ headers }) => headers['if-match'])).toEqual([etag, etag]);
});

it('an ordinary store is asked nothing more', async () => {
  await using served = await serve();
  const { etag } = await served.store.put('a', Uint8Array.of(1));
  await served.store.put('a', Uint8Array.of(2), { ifMatch: etag });
  await expect(served.store.put('a', Uint8Array.of(3), { ifMatch: etag })).rejects.toMatchObject({ code });
  expect(served.server.calls).toHaveLength(3);
});

it('is found out although others replace the object of no use', async () => {
  let left = 5;
  await using served = await serve({
    comparesPlainEtags: true,
    trouble: ({ key, headers, method }) => {
      // The etag of the object changes before the put that would show the form.
      if (method === 'PUT' && key === 'probe' && headers['if-match'] !== undefined && left-- > 0) {
        served.server.bucket.put('probe', Uint8Array.of(left), {});
      }
      return undefined;
    },
  });
  const { etag } = await served.store.put('a', Uint8Array.of(1));
  await served.store.put('a', Uint8Array.of(2), { ifMatch: etag });
  expect(left).toBeLessThan(0);
});

it('is found out by a store that refuses two requests in three', async () => {
  await using served = await serve({
    comparesPlainEtags: true,
    trouble: ({ index }) => (index % 3 === 2 ? undefined : { error: { status: 503, code: 'SlowDown' } }),
  });
  const store = createRetryingStore(served.store, { clock: systemClock, delayMs: 1, delayMsMax: 1 });
  const { etag } = await store.put('a', Uint8Array.of(1));
  await store.put('a', Uint8Array.of(2), { ifMatch: etag });
  expect(served.server.calls.length).toBeLessThan(60);
});

it('a condition that does not hold is reported by a store that refuses two requests in three', async () => {
  await using served = await serve({
    trouble: ({ index }) => (index % 3 === 2 ? undefined : { error: { status: 503, code: 'SlowDown' } }),
  });
  const store = createRetryingStore(served.store, { clock: systemClock, delayMs: 1, delayMsMax: 1, retryMs: 3000 });
  await store.put('a', Uint8Array.of(1));
  const other = '"00000000000000000000000000000000"';
  await expect(store.put('a', Uint8Array.of(2), { ifMatch: other })).rejects.toMatchObject({ code });
  expect(served.server.calls.length).toBeLessThan(15);
});
