/**
 * A change of the size is made as a whole or not at all, and what was cut off does not come back.
 *
 * @module-tag slow
 */
import { VirtualClock } from '@nbdjs/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  checkStore,
  cloneDisk,
  collectGarbage,
  createDisk,
  createMemoryStore,
  createTroubledStore,
  type ObjectDisk,
  type ObjectStore,
  openDisk,
  type StoreCall,
} from '../src/index.ts';

const objectBytes = 65_536;
/** Blocks of an index page. */
const page = 4096;
const longBytes = (2 * page + 10) * objectBytes;
/** Those that have something: on both sides of each end that is tried, and of pages. */
const blocks = [0, 1, 9, 10, 11, page - 1, page, page + 1, 2 * page, 2 * page + 9];
const cutSizes = [
  ['at the end of a block', 10 * objectBytes],
  ['within a block', 10 * objectBytes + 12_345],
  ['at the end of a page', page * objectBytes],
  ['within a later page', (page + 1) * objectBytes + 512],
  ['at the start', 0],
] as const;

let clock: VirtualClock;
let store: ObjectStore;

beforeEach(() => {
  clock = new VirtualClock();
});

const open = (of: ObjectStore = store, readOnly = false): Promise<ObjectDisk> =>
  openDisk(of, 'disk', { clock, readOnly, takeOver: 'now', retryMs: 0 });

/** A disk in whose blocks each byte is the number of the block, one more; `hasPages`: they are in index pages, else in the manifest. */
async function makeDisk(hasPages: boolean): Promise<void> {
  store = createMemoryStore();
  await createDisk(store, 'disk', { clock, size: longBytes, objectBytes });
  const disk = await open();
  for (const block of blocks) await disk.write(block * objectBytes, new Uint8Array(objectBytes).fill(fillOf(block)));
  if (hasPages) await disk.snapshot('before');
  await disk.close();
}

function fillOf(block: number): number {
  return 1 + (block % 251);
}

/** The first byte that is not as it has to be: as it was up to `kept`, and zero from there on. */
async function wrongByte(disk: ObjectDisk, kept: number): Promise<number | undefined> {
  const size = Number(disk.geometry.size);
  for (const block of blocks) {
    const start = block * objectBytes;
    const bytes = new Uint8Array(Math.max(0, Math.min(size - start, objectBytes)));
    if (bytes.length > 0) await disk.read(start, bytes);
    const expected = new Uint8Array(bytes.length).fill(fillOf(block), 0, Math.max(0, kept - start));
    const wrong = Buffer.compare(bytes, expected) === 0 ? -1 : bytes.findIndex((byte, at) => byte !== expected[at]);
    if (wrong >= 0) return start + wrong;
  }
  return undefined;
}

/** Calls of the store from number `from` on fail for good; the first of them may have been carried out all the same. */
function failingFrom(from: number, isCarriedOut: boolean): ObjectStore {
  const trouble = ({ index }: StoreCall) =>
    index < from
      ? undefined
      : { error: 'ERR_NBD_STORE_PERMANENT' as const, isCarriedOut: isCarriedOut && index === from };
  return createTroubledStore(store, { clock, trouble });
}

/** Resizes with a store that is gone from a call on; a copy of the store is what is left. Returns whether it was enough. */
async function resizeUntil(call: number, isCarriedOut: boolean, size: number): Promise<boolean> {
  let isDone = false;
  try {
    const disk = await open(failingFrom(call, isCarriedOut));
    await disk.resizing?.resize(size);
    isDone = true;
    await disk.close();
  } catch {}
  return isDone;
}

async function expectHealthy(): Promise<void> {
  expect((await checkStore(store, 'disk', { clock, data: true })).problems).toEqual([]);
}

describe.each([true, false])('a disk with index pages: %s', (hasPages) => {
  it.each(cutSizes)('has the old size or the new one after a cut at any request: %s', async (_, size) => {
    const seen = new Set<string>();
    let isEnough = false;
    for (let call = 0; !isEnough; call++) {
      expect(call).toBeLessThan(30);
      for (const isCarriedOut of [false, true]) {
        await makeDisk(hasPages);
        isEnough = await resizeUntil(call, isCarriedOut, size);
        const where = `call ${call}, ${isCarriedOut ? 'carried out' : 'not carried out'}`;
        let disk = await open();
        const length = Number(disk.geometry.size);
        expect([size, longBytes], where).toContain(length);
        seen.add(length === size ? 'new' : 'old');
        expect(await wrongByte(disk, length), where).toBeUndefined();
        // It becomes longer, and nothing of the time before comes back.
        await disk.resizing?.resize(longBytes);
        await disk.close();
        await expectHealthy();
        await collectGarbage(store, { clock });
        disk = await open();
        expect(await wrongByte(disk, length), where).toBeUndefined();
        await disk.close();
      }
    }
    expect([...seen].sort()).toEqual(['new', 'old']);
  });

  it('has zeroes behind its old end after a cut at any request of becoming longer', async () => {
    const short = 10 * objectBytes + 12_345;
    let isEnough = false;
    for (let call = 0; !isEnough; call++) {
      expect(call).toBeLessThan(30);
      await makeDisk(hasPages);
      expect(await resizeUntil(1000, false, short)).toBe(true);
      isEnough = await resizeUntil(call, true, longBytes);
      const disk = await open();
      expect([short, longBytes]).toContain(Number(disk.geometry.size));
      expect(await wrongByte(disk, short), `call ${call}`).toBeUndefined();
      await disk.close();
      await expectHealthy();
    }
  });
});

it('becomes shorter while its neighbour is written, and clones become longer without old bytes', async () => {
  await makeDisk(true);
  const disk = await open();
  const size = 10 * objectBytes + 12_345;
  await disk.write(11 * objectBytes, new Uint8Array(objectBytes).fill(0xee));
  const writing = disk.write(0, new Uint8Array(2 * objectBytes).fill(0xdd));
  await disk.resizing?.resize(size);
  await writing;
  await disk.snapshot('short');
  await expect((async () => disk.write(11 * objectBytes, Uint8Array.of(1)))()).rejects.toMatchObject({
    code: 'ERR_NBD_OUT_OF_BOUNDS',
  });
  await disk.close();
  await cloneDisk(store, { disk: 'disk', snapshot: 'short' }, 'clone', { clock });
  const clone = await openDisk(store, 'clone', { clock });
  await clone.resizing?.resize(longBytes);
  const bytes = new Uint8Array(objectBytes);
  await clone.read(10 * objectBytes, bytes);
  expect(bytes.lastIndexOf(fillOf(10))).toBe(12_344);
  await clone.read(11 * objectBytes, bytes);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
  await clone.read(0, bytes);
  expect(bytes.every((byte) => byte === 0xdd)).toBe(true);
  await clone.close();
  const old = await openDisk(store, 'disk', { clock, readOnly: true, snapshot: 'before' });
  expect(await wrongByte(old, longBytes)).toBeUndefined();
  await old.close();
});
