/** Requests as stores see them: where they go, and that they are signed. */
import { startS3Server } from '@nbdjs/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createS3Store } from '../src/index.ts';
import { addressOf } from '../src/settings/endpoint.ts';
import { credentials, serve, storeAt } from './support/s3.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('the address of a bucket', () => {
  const place = { bucket: 'disks', region: 'eu-west-1', endpoint: undefined, pathStyle: undefined };
  it.each([
    [{}, 'disks.s3.eu-west-1.amazonaws.com', '/'],
    [{ bucket: 'my.disks' }, 's3.eu-west-1.amazonaws.com', '/my.disks/'],
    [{ region: 'cn-north-1' }, 'disks.s3.cn-north-1.amazonaws.com.cn', '/'],
    [{ pathStyle: true }, 's3.eu-west-1.amazonaws.com', '/disks/'],
    [{ endpoint: new URL('http://127.0.0.1:9000') }, '127.0.0.1:9000', '/disks/'],
    [{ endpoint: new URL('https://[::1]:9000/s3') }, '[::1]:9000', '/s3/disks/'],
    [{ endpoint: new URL('http://s3.example.com'), pathStyle: false }, 'disks.s3.example.com', '/'],
    [{ endpoint: new URL('https://s3.us-east-2.amazonaws.com') }, 'disks.s3.us-east-2.amazonaws.com', '/'],
  ])('%o', (change, host, path) => {
    expect(addressOf({ ...place, ...change })).toMatchObject({ host, path });
  });

  it('has no brackets in the name that is looked up', () => {
    expect(addressOf({ ...place, endpoint: new URL('http://[::1]:9000') }).hostname).toBe('::1');
  });
});

describe('createS3Store', () => {
  it.each([
    [{}, 'createS3Store: bucket is missing, expected a string'],
    [{ bucket: 'a/b' }, "createS3Store: bucket is 'a/b', expected 3 to 63 letters, digits, '.', '-' or '_'"],
    [{ bucket: 'disks', endpoint: 'ftp://a' }, /^createS3Store: endpoint is not one, expected an address such as/],
    [{ bucket: 'disks', endpoint: 'http://user:pass@a' }, /^(?!.*pass).*endpoint is not one/],
    [{ bucket: 'disks', region: 'x/y' }, "createS3Store: region is 'x/y', expected letters, digits and dashes"],
    [
      { bucket: 'disks', credentials: { accessKeyId: 'a' } },
      /credentials is an object, expected an object with accessKeyId/,
    ],
    [{ bucket: 'disks', prefix: '../up' }, /the key of an object is '..\/up'/],
    [{ bucket: 'disks', checksum: 'sha1' }, /checksum is 'sha1'/],
  ])('refuses %o', (options, message) => {
    expect(() => createS3Store(options as never)).toThrow(message);
  });

  it('names the store without anything secret', () => {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', '');
    vi.stubEnv('AWS_ENDPOINT_URL', '');
    expect(createS3Store({ bucket: 'disks' }).name).toMatch(/^bucket 'disks' of Amazon S3$/);
    const options = { bucket: 'disks', endpoint: 'http://127.0.0.1:9000', prefix: 'a/b/' };
    expect(createS3Store(options).name).toBe("bucket 'disks' at 127.0.0.1:9000, under 'a/b/'");
  });
});

describe('a request', () => {
  it('is signed with its headers, and refused with a wrong secret', async () => {
    await using served = await serve({}, { credentials: { ...credentials, secretAccessKey: 'other' } });
    const put = served.store.put('a', Uint8Array.of(1), { ifNoneMatch: true });
    await expect(put).rejects.toMatchObject({
      code: 'ERR_NBD_STORE_PERMANENT',
      operation: 'put',
      key: 'a',
      message: expect.stringMatching(
        /^put of 'a' in bucket 'test-bucket' at 127\.0\.0\.1:\d+: 403 SignatureDoesNotMatch 'it is SignatureDoesNotMatch & more' \(request REQ-17\)$/,
      ),
    });
    expect(served.server.bucket.objects.size).toBe(0);
  });

  it('has the session token of credentials that are lent', async () => {
    const lent = { ...credentials, sessionToken: 'lent for a while' };
    await using served = await serve({ keys: [lent] }, { credentials: lent });
    await served.store.put('a', Uint8Array.of(1));
    expect((await served.store.list('')).objects).toHaveLength(1);
  });

  it('can do without credentials in a bucket that all may read', async () => {
    await using served = await serve({ isPublic: true }, { credentials: 'anonymous' });
    await served.store.put('a', Uint8Array.of(7));
    expect((await served.store.get('a')).body).toEqual(Uint8Array.of(7));
    expect(served.server.calls.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it('goes to the endpoint and region of the environment', async () => {
    await using server = await startS3Server({ region: 'mars-1' });
    vi.stubEnv('AWS_ENDPOINT_URL', server.endpoint);
    vi.stubEnv('AWS_REGION', 'mars-1');
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'secret');
    const store = createS3Store({ bucket: 'test-bucket' });
    await store.put('a', Uint8Array.of(1));
    await store.close();
    expect(server.calls).toHaveLength(1);
  });

  it('uses a connection again, and as many as are allowed', async () => {
    await using served = await serve({}, { connections: 3 });
    await Promise.all(Array.from({ length: 20 }, (_, index) => served.store.put(`k${index}`, new Uint8Array(1000))));
    for (let index = 0; index < 5; index++) await served.store.get('k1');
    expect(served.server.connections).toBe(3);
  });

  it('lists what others have stored, but for keys that are none here', async () => {
    await using served = await serve({}, { prefix: 'p' });
    for (const key of ['p/a', 'p/a b', 'p/.hidden', 'p/dir/', 'q/b', 'p/ü&<']) {
      served.server.bucket.put(key, Uint8Array.of(1), {});
    }
    expect((await served.store.list('')).objects.map(({ key }) => key)).toEqual(['a']);
  });

  it('takes the part that was asked for from a store that gives all', async () => {
    await using served = await serve({ ignoresRanges: true });
    await served.store.put('a', Uint8Array.of(1, 2, 3, 4));
    const { body, size } = await served.store.get('a', { range: { start: 1, length: 2 } });
    expect([...body, size]).toEqual([2, 3, 4]);
  });

  it('ends when the store is closed', async () => {
    const server = await startS3Server({ trouble: () => ({ hang: true }) });
    const store = storeAt(server);
    const get = store.get('a').catch((reason: unknown) => reason);
    await vi.waitFor(() => expect(server.calls).toHaveLength(1));
    await store.close();
    expect(await get).toMatchObject({ code: 'ERR_NBD_CLOSED' });
    await server.close();
  });
});
