/** What goes wrong between us and a store, and what it becomes. */
import { systemClock } from '@nbdjs/node';
import { createDisk, createRetryingStore } from '@nbdjs/objects';
import type { S3Call, S3Trouble } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { differenceAfterLoad, seededNumbers } from './support/disk-load.ts';
import { credentials, serve, storeAt } from './support/s3.ts';

const bytes = Uint8Array.from({ length: 10_000 }, (_, index) => index * 7);

/** Trouble for the first request only, or for all of a method. */
const once = (trouble: S3Trouble) => (call: S3Call) => (call.index === 0 ? trouble : undefined);
const forMethod = (method: string, trouble: S3Trouble) => (call: S3Call) =>
  call.method === method ? trouble : undefined;

describe('an error of the store', () => {
  it.each<[number, string, string]>([
    [404, 'NoSuchKey', 'ERR_NBD_STORE_NOT_FOUND'],
    [404, 'NoSuchBucket', 'ERR_NBD_STORE_NOT_FOUND'],
    [412, 'PreconditionFailed', 'ERR_NBD_STORE_PRECONDITION'],
    [409, 'ConditionalRequestConflict', 'ERR_NBD_STORE_THROTTLED'],
    [503, 'SlowDown', 'ERR_NBD_STORE_THROTTLED'],
    [429, 'TooManyRequests', 'ERR_NBD_STORE_THROTTLED'],
    [503, 'ServiceUnavailable', 'ERR_NBD_STORE_TRANSIENT'],
    [500, 'InternalError', 'ERR_NBD_STORE_TRANSIENT'],
    [502, '', 'ERR_NBD_STORE_TRANSIENT'],
    [400, 'RequestTimeout', 'ERR_NBD_STORE_TRANSIENT'],
    [400, 'BadDigest', 'ERR_NBD_STORE_TRANSIENT'],
    [501, 'NotImplemented', 'ERR_NBD_STORE_PERMANENT'],
    [403, 'AccessDenied', 'ERR_NBD_STORE_PERMANENT'],
    [302, 'Found', 'ERR_NBD_STORE_PERMANENT'],
  ])('%i %s is %s', async (status, code, expected) => {
    await using served = await serve({ trouble: () => ({ error: { status, code, headers: { 'retry-after': '3' } } }) });
    const reason = await served.store.get('a').catch((error: unknown) => error);
    expect(reason).toMatchObject({
      name: 'StoreError',
      code: expected,
      operation: 'get',
      key: 'a',
      retryAfterMs: 3000,
    });
    expect(String(reason)).toContain(`${status} ${code}`.trim());
    expect(served.server.calls).toHaveLength(1);
  });

  it('of a conditional put to what is not there is a condition that does not hold', async () => {
    await using served = await serve();
    await expect(served.store.put('a', bytes, { ifMatch: '"x"' })).rejects.toMatchObject({
      code: 'ERR_NBD_STORE_PRECONDITION',
    });
  });

  it('has nothing of what was signed, and one line', async () => {
    const elements = `<Message>two\nlines ${'x'.repeat(5000)}</Message><StringToSign>SECRET</StringToSign>`;
    await using served = await serve({ trouble: () => ({ error: { status: 400, code: 'Odd', elements } }) });
    const reason = String(await served.store.get('a').catch((error: unknown) => error));
    expect(reason).toMatch(/400 Odd 'two lines x/);
    expect(reason).not.toMatch(/SECRET|\n/);
    expect(reason.length).toBeLessThan(500);
  });

  it('may be no XML at all', async () => {
    await using served = await serve({ trouble: () => ({ error: { status: 500, code: '&&<<' } }) });
    await expect(served.store.get('a')).rejects.toThrow(/: 500$/);
  });
});

describe('a connection', () => {
  it.each<[string, S3Trouble, RegExp]>([
    ['that ends without an answer', { reset: true }, /socket hang up|ECONNRESET/],
    ['that ends within a body', { cutAfter: 5000 }, /cut short/],
    ['that ends at the begin of a body', { cutAfter: 0 }, /cut short/],
    ['whose peer is silent', { hang: true }, /no byte came or went in 200 ms/],
    ['whose peer is slow', { delayMs: 150 }, /no whole answer after 100 ms/],
  ])('%s', async (_, trouble, message) => {
    const limits = trouble.delayMs === undefined ? { idleMs: 200 } : { requestMs: 100 };
    await using served = await serve({ trouble: forMethod('GET', trouble) }, limits);
    const patient = storeAt(served.server);
    await patient.put('a', bytes);
    await patient.close();
    const reason = await served.store.get('a').catch((error: unknown) => error);
    expect(reason).toMatchObject({ code: 'ERR_NBD_STORE_TRANSIENT', message: expect.stringMatching(message) });
  });

  it('that nobody answers is given up', async () => {
    // No machine has this address.
    await using served = await serve({}, { endpoint: 'http://192.0.2.1:9', connectMs: 100 });
    const reason = await served.store.get('a').catch((error: Error) => error);
    expect(reason).toMatchObject({ code: 'ERR_NBD_STORE_TRANSIENT' });
    expect(String(reason)).toMatch(/no connection after 100 ms|ENETUNREACH|EHOSTUNREACH|ECONNREFUSED/);
  });
});

describe('damage', () => {
  it.each(['sha256', 'crc32', 'md5'] as const)('on the way to the store is found by it: %s', async (checksum) => {
    await using served = await serve({ trouble: once({ damageRequest: true }) }, { checksum });
    await expect(served.store.put('a', bytes)).rejects.toMatchObject({ code: 'ERR_NBD_STORE_TRANSIENT' });
    expect(served.server.bucket.objects.size).toBe(0);
    await served.store.put('a', bytes);
  });

  it('on the way from the store is found here', async () => {
    await using served = await serve({ trouble: forMethod('GET', { damage: true }) });
    await served.store.put('a', bytes);
    const reason = await served.store.get('a').catch((error: unknown) => error);
    expect(reason).toMatchObject({ code: 'ERR_NBD_STORE_TRANSIENT' });
    expect(String(reason)).toMatch(/the body was damaged on its way: its CRC-32 is [0-9a-f]{8}, expected [0-9a-f]{8}/);
  });
});

describe('what can be put right is', () => {
  it.each([3600_000, -3600_000])(
    'a clock that differs by %i ms, also where the answer has no body',
    async (aheadMs) => {
      for (const call of ['put', 'head'] as const) {
        const notices: string[] = [];
        await using served = await serve({ aheadMs }, { onNotice: (text) => void notices.push(text) });
        served.server.bucket.put('a', bytes, {});
        await (call === 'put' ? served.store.put('a', bytes) : served.store.head('a'));
        expect(notices.join()).toMatch(
          aheadMs > 0
            ? /^bucket .*: the clock of this machine is 3(599|600|601) s behind that of the store, which is used now$/
            : /^bucket .*: the clock of this machine is 3(599|600|601) s ahead of that of the store, which is used now$/,
        );
        await served.store.get('a');
        expect(notices).toHaveLength(1);
      }
    },
  );

  it('a region, once, and then for good', async () => {
    const notices: string[] = [];
    await using served = await serve(
      { region: 'eu-9' },
      { region: 'us-1', onNotice: (text) => void notices.push(text) },
    );
    await Promise.all([served.store.put('a', bytes), served.store.put('b', bytes)]);
    await served.store.get('a');
    expect(new Set(notices).size).toBe(1);
    expect(notices[0]).toMatch(/the bucket is in the region eu-9, not in us-1$/);
    expect(served.server.calls.length).toBeLessThanOrEqual(5);
  });

  it('not what comes again: the error says what was tried', async () => {
    const error = {
      status: 403,
      code: 'RequestTimeTooSkewed',
      headers: { date: new Date(Date.now() + 7200_000).toUTCString() },
    };
    await using served = await serve({ trouble: () => ({ error }) });
    await expect(served.store.get('a')).rejects.toThrow(
      /403 RequestTimeTooSkewed .*; the clock of this machine is \d+ s behind/,
    );
    expect(served.server.calls).toHaveLength(2);
  });

  it('not a region that would become another host', async () => {
    const error = {
      status: 301,
      code: 'PermanentRedirect',
      headers: { 'x-amz-bucket-region': 'evil.example.com/', location: 'http://evil.example.com/x' },
    };
    await using served = await serve({ trouble: () => ({ error }) });
    await expect(served.store.get('a')).rejects.toThrow(
      /301 PermanentRedirect.*; the store wants to be asked at 'evil.example.com'$/,
    );
    expect(served.server.calls).toHaveLength(1);
  });

  it('credentials that have expired: new ones are asked for once', async () => {
    const fresh = { ...credentials, sessionToken: 'two' };
    const asked: boolean[] = [];
    const provider = async (how: { readonly forceRefresh?: boolean } = {}) => {
      asked.push(how.forceRefresh === true);
      return how.forceRefresh === true ? fresh : { ...credentials, sessionToken: 'one' };
    };
    await using served = await serve({ keys: [fresh] }, { credentials: provider });
    await Promise.all([served.store.put('a', bytes), served.store.put('b', bytes), served.store.put('c', bytes)]);
    await served.store.get('a');
    expect(asked).toEqual([false, true]);
  });

  it('not credentials that are given as they are', async () => {
    await using served = await serve({ keys: [] });
    await expect(served.store.get('a')).rejects.toThrow(/403 InvalidAccessKeyId/);
    expect(served.server.calls).toHaveLength(1);
  });

  it('a connection that the store has closed meanwhile, for reads', async () => {
    await using served = await serve({ trouble: ({ index }) => (index === 1 ? { reset: true } : undefined) });
    await served.store.put('a', bytes);
    expect((await served.store.get('a')).body).toEqual(bytes);
  });
});

describe('with repetition in front', () => {
  it('a conditional put whose answer was lost succeeds', async () => {
    await using served = await serve({ trouble: once({ reset: true, isCarriedOut: true }) });
    const store = createRetryingStore(served.store, { clock: systemClock, delayMs: 1 });
    const { etag } = await store.put('a', bytes, { ifNoneMatch: true });
    expect((await served.store.head('a')).etag).toBe(etag);
  });

  it('a disk survives a store in which one request in four goes wrong, in every way', { tags: ['slow'] }, async () => {
    const troubles: readonly S3Trouble[] = [
      { error: { status: 503, code: 'SlowDown' } },
      { error: { status: 500, code: 'InternalError' }, isCarriedOut: true },
      { reset: true, isCarriedOut: true },
      { reset: true },
      { cutAfter: 100 },
      { damage: true },
      { damageRequest: true },
      { error: { status: 502, code: '' } },
    ];
    const random = seededNumbers(1);
    await using served = await serve({
      trouble: () => (random() < 0.25 ? troubles[Math.floor(random() * troubles.length)] : undefined),
    });
    const store = createRetryingStore(served.store, { clock: systemClock, delayMs: 1, delayMsMax: 4 });
    const calm = () => {
      served.server.settings = {};
      return served.store;
    };
    expect(await differenceAfterLoad({ store, calm, disk: 'd', rounds: 60, random })).toBe(0);
    const kinds = new Set(served.server.calls.map(({ method }) => method));
    expect(kinds.has('GET') && kinds.has('PUT')).toBe(true);
  });

  it('a store that ignores conditions can only be read', async () => {
    await using served = await serve({ ignoresConditions: true });
    const use = { clock: systemClock };
    await expect(createDisk(served.store, 'd', { ...use, size: 2 ** 20 })).rejects.toThrow(
      /does not keep to If-None-Match/,
    );
  });
});
