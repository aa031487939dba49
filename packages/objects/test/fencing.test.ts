/** One writer at a time: refused, waited for, taken over, fenced. */
import { VirtualClock } from '@nbdjs/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createDisk,
  createMemoryStore,
  createTroubledStore,
  inspectDisk,
  type ObjectDisk,
  type ObjectStore,
  type OpenDiskOptions,
  openDisk,
  type StoreCall,
  type StoreTrouble,
} from '../src/index.ts';

const objectBytes = 65_536;
const size = 10 * objectBytes;
let clock: VirtualClock;
let store: ObjectStore;

beforeEach(async () => {
  clock = new VirtualClock();
  store = createMemoryStore();
  await createDisk(store, 'disk', { clock, size, objectBytes });
});

const open = (options: Partial<OpenDiskOptions> = {}, of: ObjectStore = store): Promise<ObjectDisk> =>
  openDisk(of, 'disk', { clock, ...options });

async function byteAt(disk: ObjectDisk, offset: number): Promise<number | undefined> {
  const target = new Uint8Array(1);
  await disk.read(offset, target);
  return target[0];
}

/** Settles a promise while virtual time passes. */
async function passing<Result>(work: Promise<Result>, mostMs = 600_000): Promise<Result> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  work.then(settle, settle);
  for (let ms = 0; !isSettled && ms < mostMs; ms += 500) await clock.advance(500);
  return work;
}

describe('a second writer', () => {
  it('is refused at once, if it wants to be', async () => {
    await open({ label: 'first' });
    await expect(open({ takeOver: 'never' })).rejects.toMatchObject({
      code: 'ERR_NBD_STATE',
      message: expect.stringContaining("in use by 'first' (epoch 1)"),
    });
  });

  it('is refused as long as the first one is alive, however long it waits', async () => {
    const first = await open({ label: 'first' });
    await expect(passing(open())).rejects.toMatchObject({ code: 'ERR_NBD_STATE' });
    await first.write(0, Uint8Array.of(1));
    await first.flush();
  });

  it('takes over after the lease of one that is silent, and not before', async () => {
    let isDead = false;
    const dying = createTroubledStore(store, { clock, trouble: () => (isDead ? { delayMs: 10 ** 9 } : undefined) });
    const first = await open({}, dying);
    await first.write(0, Uint8Array.of(7));
    await first.flush();
    isDead = true;
    const startMs = clock.now();
    const second = await passing(open());
    expect(clock.now() - startMs).toBeGreaterThan(30_000);
    expect(clock.now() - startMs).toBeLessThan(90_000);
    expect(second.epoch).toBe(2);
    expect(await byteAt(second, 0)).toBe(7);
  });

  it('waits for nothing when the first one has closed, or when it is the same again', async () => {
    const first = await open({ identity: 'me' });
    expect((await open({ identity: 'me' })).epoch).toBe(2);
    await first.close();
    expect((await open({ identity: 'me' })).epoch).toBe(3);
    const last = await open({ takeOver: 'now' });
    await last.close();
    expect((await inspectDisk(store, 'disk', { clock })).writer).toBeUndefined();
    expect((await open({ takeOver: 'never' })).epoch).toBe(5);
  });

  it('is not both: of many that open at once, one is the writer', async () => {
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => open({ takeOver: 'never' })));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});

describe('a writer that was taken over', () => {
  it('cannot flush any more, and says why', async () => {
    const first = await open();
    await first.write(0, Uint8Array.of(1));
    const second = await open({ takeOver: 'now', label: 'second' });
    await second.write(0, Uint8Array.of(2));
    await second.flush();
    const fenced = { code: 'ESHUTDOWN', message: expect.stringContaining("'second' has taken over with epoch 2") };
    await expect(first.flush()).rejects.toMatchObject(fenced);
    await expect(first.flush()).rejects.toMatchObject(fenced);
    await expect(first.read(0, new Uint8Array(1))).rejects.toMatchObject(fenced);
    await expect(first.write(0, Uint8Array.of(1))).rejects.toMatchObject(fenced);
    await first.close();
    await second.flush();
    expect(await byteAt(second, 0)).toBe(2);
  });

  it('stops to answer when its lease is over, though nobody has told it', async () => {
    let isCut = false;
    const cut = createTroubledStore(store, { clock, trouble: () => (isCut ? { delayMs: 10 ** 9 } : undefined) });
    const first = await open({}, cut);
    expect(await byteAt(first, 0)).toBe(0);
    isCut = true;
    await clock.advance(29_000);
    expect(await byteAt(first, 0)).toBe(0);
    await clock.advance(2000);
    await expect(passing(byteAt(first, 0))).rejects.toMatchObject({ code: 'EIO' });
    isCut = false;
    expect(await passing(byteAt(first, 0))).toBe(0);
  });

  it.each(['before', 'after'])('lands no put that was under way for hours, made %s the other opens', async (when) => {
    let late: ((call: StoreCall) => StoreTrouble | undefined) | undefined;
    const slow = createTroubledStore(store, { clock, trouble: (call) => late?.(call) });
    const first = await open({ retryMs: 0, attemptMs: 1000 }, slow);
    await first.write(0, Uint8Array.of(1));
    await first.flush();
    await first.write(0, Uint8Array.of(66));
    // Its next manifest is on its way for an hour; the data it names has arrived.
    late = ({ operation, key }) =>
      operation === 'put' && key.startsWith('disks/') ? { delayMs: 3_600_000 } : undefined;
    const flushing = Promise.resolve(first.flush()).catch(() => {});
    if (when === 'before') await clock.advance(500);
    const second = await open({ takeOver: 'now' });
    await second.write(objectBytes, Uint8Array.of(3));
    await second.flush();
    await passing(flushing);
    await clock.advance(4_000_000);
    await second.flush();
    expect(await byteAt(second, 0)).toBe(1);
    await second.close();
    const reader = await open({ readOnly: true });
    expect([await byteAt(reader, 0), await byteAt(reader, objectBytes)]).toEqual([1, 3]);
  });
});

it('does not write to a store that ignores conditions', async () => {
  const careless: ObjectStore = Object.assign(Object.create(store), {
    name: 'careless',
    abilities: store.abilities,
    get: store.get.bind(store),
    put: (key: string, body: Uint8Array) => store.put(key, body),
  });
  await expect(openDisk(careless, 'disk', { clock })).rejects.toMatchObject({ code: 'ERR_NBD_NOT_SUPPORTED' });
  await (await openDisk(careless, 'disk', { clock, readOnly: true })).close();
});
