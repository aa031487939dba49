/**
 * The store against a real one: Ceph's radosgw. It is started once for all of these tests.
 *
 * @module-tag slow
 */
import { truncateSync, writeFileSync } from 'node:fs';
import { systemClock } from '@nbdjs/node';
import {
  collectGarbage,
  createDisk,
  createRetryingStore,
  deleteDisk,
  type ObjectStore,
  openDisk,
} from '@nbdjs/objects';
import { objectStoreConformance } from '@nbdjs/objects/conformance';
import { type Ceph, cephPrograms, createWorkspace, describeTools, startCeph } from '@nbdjs/peers';
import { type S3Call, type S3Trouble, startS3Proxy } from '@nbdjs/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createS3Bucket, createS3Store, type S3StoreOptions } from '../src/index.ts';
import { crashBlockBytes } from './support/crash-writer.ts';
import { CrashModel, crashOnce } from './support/crashes.ts';
import { differenceAfterLoad, seededNumbers } from './support/disk-load.ts';

const isLong = process.env.NBDJS_LONG === '1';
const use = { clock: systemClock };

describeTools('radosgw', cephPrograms, () => {
  let ceph: Ceph;
  let serial = 0;

  const options = (more: Partial<S3StoreOptions> = {}): S3StoreOptions => ({
    bucket: 'nbdjs-test',
    endpoint: ceph.endpoint,
    region: 'default',
    credentials: ceph,
    ...more,
  });
  const fresh = (): string => `p${++serial}`;

  beforeAll(async () => {
    ceph = await startCeph();
    await createS3Bucket(options());
    await createS3Bucket(options());
  }, 120_000);
  afterAll(() => ceph?.stop(), 30_000);

  const prefixes = new WeakMap<ObjectStore, string>();
  // As `openDisk` uses a store: of two conditional puts at a time, radosgw answers one with 500, which has to be looked into.
  const make = async (prefix: string): Promise<ObjectStore> => {
    const store = createRetryingStore(createS3Store(options({ prefix })), { ...use, delayMs: 5 });
    prefixes.set(store, prefix);
    return store;
  };
  objectStoreConformance({ describe, it }, 'with repetition in front', {
    make: () => make(fresh()),
    reopen: (store) => make(prefixes.get(store) as string),
  });

  it('says what is wrong in words', async () => {
    const wrong = createS3Store(options({ credentials: { ...ceph, secretAccessKey: 'wrong-secret' } }));
    const reason = await wrong.put('a', Uint8Array.of(1)).catch((error: Error) => error.message);
    expect(reason).toMatch(/^put of 'a' in bucket 'nbdjs-test' at 127.+: 403 SignatureDoesNotMatch .*\(request tx\w+/);
    expect(reason).not.toContain('wrong-secret');
    await expect(wrong.head('a')).rejects.toThrow(/403 SignatureDoesNotMatch/);
    const missing = createS3Store(options({ bucket: 'no-such-bucket' }));
    await expect(missing.list('')).rejects.toMatchObject({ code: 'ERR_NBD_STORE_NOT_FOUND' });
    await Promise.all([wrong.close(), missing.close()]);
  });

  it.each(['sha256', 'md5'] as const)('refuses a body that was damaged on its way: %s', async (checksum) => {
    await using proxy = await startS3Proxy(ceph.endpoint, ({ index }) =>
      index === 0 ? { damageRequest: true } : undefined,
    );
    const store = createS3Store(options({ endpoint: proxy.endpoint, prefix: fresh(), checksum }));
    const body = new Uint8Array(100_000).fill(7);
    await expect(store.put('a', body)).rejects.toMatchObject({ code: 'ERR_NBD_STORE_TRANSIENT' });
    await expect(store.get('a')).rejects.toMatchObject({ code: 'ERR_NBD_STORE_NOT_FOUND' });
    await store.put('a', body);
    proxy.trouble = () => ({ damage: true });
    await expect(store.get('a')).rejects.toThrow(/damaged on its way/);
    await store.close();
  });

  describe('a disk survives, with bounded memory,', () => {
    const random = seededNumbers(7);
    const throttled: S3Trouble = { error: { status: 503, code: 'SlowDown' } };
    const broken: S3Trouble = { error: { status: 500, code: 'InternalError' }, isCarriedOut: true };
    const kinds: readonly S3Trouble[] = [
      throttled,
      broken,
      { reset: true },
      { reset: true, isCarriedOut: true },
      { cutAfter: 100 },
      { damage: true },
      { damageRequest: true },
    ];
    const downMs = isLong ? 30_000 : 3000;
    let downUntilMs = 0;
    const isDown = ({ index }: S3Call): boolean => {
      if (index === 40) downUntilMs = performance.now() + downMs;
      return performance.now() < downUntilMs;
    };

    it.each<[string, (call: S3Call) => S3Trouble | undefined, number]>([
      [`a store that is down for ${downMs / 1000} s`, (call) => (isDown(call) ? { reset: true } : undefined), 60],
      [
        `a store that takes ${isLong ? 1000 : 300} ms for each request`,
        () => ({ delayMs: isLong ? 1000 : 300 }),
        isLong ? 20 : 4,
      ],
      ['a store that asks for fewer requests', ({ index }) => (index % 3 === 0 ? undefined : throttled), 60],
      ['errors at random, carried out or not', () => (random() < 0.3 ? broken : undefined), 60],
      [
        'connections, bodies and bytes that go wrong',
        () => (random() < 0.25 ? kinds[Math.floor(random() * kinds.length)] : undefined),
        60,
      ],
    ])('%s', { timeout: isLong ? 300_000 : 20_000 }, async (_, trouble, rounds) => {
      await using proxy = await startS3Proxy(ceph.endpoint, trouble);
      const prefix = fresh();
      const far = createS3Store(options({ endpoint: proxy.endpoint, prefix }));
      const store = createRetryingStore(far, { ...use, delayMs: 2, delayMsMax: 50 });
      const near = createS3Store(options({ prefix }));
      const before = process.memoryUsage().rss;
      let most = 0;
      const onRound = (): void => {
        most = Math.max(most, process.memoryUsage().rss);
      };
      expect(await differenceAfterLoad({ store, calm: () => near, disk: 'd', rounds, random, onRound })).toBe(0);
      expect(most - before).toBeLessThan(256 * 2 ** 20);
      await Promise.all([store.close(), near.close()]);
    });
  });

  it('has one writer of a disk at a time: the second is refused, or ends the first', async () => {
    const prefix = fresh();
    const store = createS3Store(options({ prefix }));
    const other = createS3Store(options({ prefix }));
    await createDisk(store, 'd', { ...use, size: 2 ** 20, objectBytes: 2 ** 16 });
    const first = await openDisk(store, 'd', use);
    await first.write(0, new Uint8Array(4096).fill(1));
    await first.flush();
    await expect(openDisk(other, 'd', { ...use, takeOver: 'never' })).rejects.toThrow(/nbdjs|writer/);
    await first.write(0, new Uint8Array(8192).fill(2));
    const second = await openDisk(other, 'd', { ...use, takeOver: 'now' });
    await second.write(65_536, new Uint8Array(4096).fill(3));
    await second.flush();
    await expect(first.flush()).rejects.toMatchObject({ code: 'ESHUTDOWN' });
    await second.close();
    await first.close().catch(() => {});
    const reader = await openDisk(store, 'd', { ...use, readOnly: true });
    const bytes = new Uint8Array(2 ** 20);
    await reader.read(0, bytes);
    await reader.close();
    // What the first had flushed, and what the second has; nothing of what the first wrote afterwards.
    const expected = new Uint8Array(2 ** 20).fill(1, 0, 4096).fill(3, 65_536, 65_536 + 4096);
    expect(Buffer.compare(bytes, expected)).toBe(0);
    await Promise.all([store.close(), other.close()]);
  });

  const crashes = isLong ? 50 : 4;
  it(`loses no flushed byte in ${crashes} crashes, with its journal and without`, { timeout: 900_000 }, async () => {
    using workspace = createWorkspace('bookworm');
    const blocks = 2048;
    const store = options({ prefix: fresh() });
    const maker = createS3Store(store);
    await createDisk(maker, 'd', { ...use, size: blocks * crashBlockBytes, objectBytes: 2 ** 18 });
    await maker.close();
    const model = new CrashModel(blocks);
    for (let crash = 0; crash < crashes; crash++) {
      const journal = crash % 2 === 0 ? makeJournal(workspace.hostPath(`journal-${crash}`)) : undefined;
      const problems = await crashOnce({ store, disk: 'd', journal, blocks, version: 0 }, model, Math.random() * 600);
      expect(problems, `crash ${crash}, ${journal === undefined ? 'without' : 'with'} a journal`).toEqual([]);
    }
    expect(model.flushedWrites).toBeGreaterThan(crashes * 10);
  });

  const count = isLong ? 10_000 : 2500;
  it(`lists and collects ${count} objects`, { timeout: 1_200_000 }, async () => {
    const store = createS3Store(options({ prefix: fresh() }));
    const objectBytes = 65_536;
    await createDisk(store, 'd', { ...use, size: count * objectBytes, objectBytes });
    const disk = await openDisk(store, 'd', use);
    for (let index = 0; index < count; index++) await disk.write(index * objectBytes, Uint8Array.of(1 + (index % 255)));
    await disk.close();
    const keys: string[] = [];
    for (let continuation: string | undefined, page = 0; page === 0 || continuation !== undefined; page++) {
      const told = await store.list('objects/', { continuation });
      keys.push(...told.objects.map(({ key }) => key));
      continuation = told.continuation;
    }
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.length).toBeGreaterThanOrEqual(count);
    await deleteDisk(store, 'd', use);
    const collection = await collectGarbage(store, use);
    expect(collection).toBeDefined();
    expect((await store.list('objects/')).objects).toEqual([]);
    await store.close();
  });
});

/** An empty journal. */
function makeJournal(path: string): string {
  writeFileSync(path, '');
  truncateSync(path, 32 * 2 ** 20);
  return path;
}
