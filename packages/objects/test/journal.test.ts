/** The write-back cache on a local device: crashes, restarts on the same cache and on an empty one, and journals that are out of date. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { blockDeviceConformance, seededRandom, VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import {
  createDisk,
  createMemoryStore,
  createTroubledStore,
  type JournaledDiskOptions,
  type ObjectDisk,
  type ObjectStore,
  openDisk,
  openJournaledDisk,
} from '../src/index.ts';
import { Gate, ProcessClock } from './simulation/gate.ts';
import { linkTo } from './simulation/link.ts';
import { CrashDevice } from './support/crash-device.ts';

const objectBytes = 65_536;
const size = 8 * objectBytes;
const journalBytes = 2 ** 20;

for (const flush of ['store', 'journal'] as const) {
  blockDeviceConformance(`with a journal, flush: ${flush}`, {
    async make(bytes) {
      const clock = new VirtualClock();
      const store = createMemoryStore();
      await createDisk(store, 'disk', { clock, size: bytes, objectBytes });
      const journal = new CrashDevice(2 * journalBytes);
      return openJournaledDisk(store, 'disk', { clock, journal, flush });
    },
    extras: ['resizing'],
  });
}

async function setUp() {
  const clock = new VirtualClock();
  const store = createMemoryStore();
  await createDisk(store, 'disk', { clock, size, objectBytes });
  const open = (journal: BlockDevice, options: Partial<JournaledDiskOptions> = {}): Promise<ObjectDisk> =>
    openJournaledDisk(store, 'disk', { clock, journal, flush: 'journal', ...options });
  return { clock, store, open };
}

async function byteAt(disk: BlockDevice, offset: number): Promise<number | undefined> {
  const target = new Uint8Array(1);
  await disk.read(offset, target);
  return target[0];
}

describe('a flush to the journal', () => {
  it('needs no store, and its bytes come back on the same cache', async () => {
    const { clock, store } = await setUp();
    let isDown = false;
    const weak = createTroubledStore(store, {
      clock,
      trouble: () => (isDown ? { error: 'ERR_NBD_STORE_TRANSIENT' } : undefined),
    });
    const journal = new CrashDevice(journalBytes);
    const disk = await openJournaledDisk(weak, 'disk', { clock, journal, flush: 'journal' });
    isDown = true;
    await disk.write(1000, Uint8Array.of(1, 2, 3));
    await disk.writeZeroes(1001, 1);
    await disk.flush();
    const again = await openJournaledDisk(store, 'disk', {
      clock,
      journal: journal.crashed(() => 1),
      flush: 'journal',
    });
    expect(again.epoch).toBe(2);
    const target = new Uint8Array(3);
    await again.read(1000, target);
    expect(target).toEqual(Uint8Array.of(1, 0, 3));
    const reader = await openDisk(store, 'disk', { clock, readOnly: true });
    expect(await byteAt(reader, 1000)).toBe(1);
  });

  it('is followed by the store after a while, and makes room by that', async () => {
    const { clock, store, open } = await setUp();
    const disk = await open(new CrashDevice(journalBytes));
    await disk.write(0, Uint8Array.of(1));
    await disk.flush();
    await clock.advance(5000);
    expect(await byteAt(await openDisk(store, 'disk', { clock, readOnly: true }), 0)).toBe(1);
    // Many times the length of the ring.
    for (let round = 0; round < 100; round++)
      await disk.write((round % 8) * objectBytes, new Uint8Array(objectBytes).fill(round));
    await disk.close();
    expect(await byteAt(await openDisk(store, 'disk', { clock, readOnly: true }), 3 * objectBytes)).toBe(99);
  });

  it('fails in bounded time when the store stays away and the ring is full, and goes on when it is back', async () => {
    const { clock, store } = await setUp();
    let isDown = false;
    const weak = createTroubledStore(store, {
      clock,
      trouble: () => (isDown ? { error: 'ERR_NBD_STORE_TRANSIENT' } : undefined),
    });
    const journal = new CrashDevice(journalBytes);
    const disk = await openJournaledDisk(weak, 'disk', {
      clock,
      journal,
      flush: 'journal',
      retryMs: 10_000,
      leaseMs: 10 ** 6,
    });
    isDown = true;
    const writing = (async () => {
      for (let round = 0; ; round++) await disk.write((round % 8) * objectBytes, new Uint8Array(objectBytes).fill(1));
    })().catch((error: { readonly code?: string }) => error.code);
    await clock.advance(60_000);
    expect(await writing).toBe('EIO');
    isDown = false;
    await clock.advance(20_000);
    await disk.write(0, Uint8Array.of(9));
    await disk.flush();
    await disk.close();
    expect(await byteAt(await openDisk(store, 'disk', { clock, readOnly: true }), 0)).toBe(9);
  });
});

describe('a journal that is out of date', () => {
  it('is not replayed over what another writer has written', async () => {
    const { clock, store, open } = await setUp();
    const journal = new CrashDevice(journalBytes);
    const first = await open(journal, { followMs: 10 ** 9 });
    await first.write(0, Uint8Array.of(1));
    await first.flush();
    const other = await openDisk(store, 'disk', { clock, takeOver: 'now' });
    await other.write(0, Uint8Array.of(2));
    await other.flush();
    await other.close();
    const left = journal.crashed(() => 1);
    await expect(open(left)).rejects.toMatchObject({
      code: 'ERR_NBD_STATE',
      message: expect.stringContaining('1 records of epoch 1'),
    });
    await expect(open(left.crashed(() => 1))).rejects.toMatchObject({ code: 'ERR_NBD_STATE' });
    const again = await open(
      left.crashed(() => 1),
      { discardStale: true },
    );
    expect(await byteAt(again, 0)).toBe(2);
  });

  it('of another disk is not replayed either', async () => {
    const { clock, store, open } = await setUp();
    const journal = new CrashDevice(journalBytes);
    const disk = await open(journal, { followMs: 10 ** 9 });
    await disk.write(0, Uint8Array.of(1));
    await disk.flush();
    await createDisk(store, 'other', { clock, size, objectBytes });
    const left = journal.crashed(() => 1);
    const opening = openJournaledDisk(store, 'other', { clock, journal: left, flush: 'journal' });
    await expect(opening).rejects.toMatchObject({ code: 'ERR_NBD_STATE' });
  });

  it('is replayed after any number of restarts that did not come far', async () => {
    const { clock, store, open } = await setUp();
    let journal = new CrashDevice(journalBytes);
    const disk = await open(journal, { followMs: 10 ** 9 });
    await disk.write(0, Uint8Array.of(5));
    await disk.flush();
    for (let round = 0; round < 5; round++) {
      let count = 0;
      // The store fails for good a few requests later each time.
      const weak = createTroubledStore(store, {
        clock,
        trouble: () => (count++ > 3 + round ? { error: 'ERR_NBD_STORE_PERMANENT' } : undefined),
      });
      journal = journal.crashed(() => 1);
      await openJournaledDisk(weak, 'disk', { clock, journal, flush: 'journal' }).catch(() => {});
    }
    const last = await open(journal.crashed(() => 1));
    expect(await byteAt(last, 0)).toBe(5);
  });
});

it('refuses what is too small for a journal', async () => {
  const { open } = await setUp();
  await expect(open(new CrashDevice(4096))).rejects.toMatchObject({ code: 'ERR_NBD_ARGUMENT' });
});

const isLong = process.env.NBDJS_LONG !== undefined && process.env.NBDJS_LONG !== '';

describe('crashes at any moment', () => {
  it.each([
    ['the same cache', 'journal', 'same'],
    ['the same cache, sometimes empty', 'store', 'either'],
  ] as const)('lose nothing that was flushed, on %s', { tags: ['slow'] }, async (_, flush, cache) => {
    for (let seed = 1; seed <= (isLong ? 2000 : 60); seed++) await crashRun(seed, flush, cache === 'either');
  });
});

const cells = 12;
const offsetOf = (cell: number): number => Math.floor(cell / 2) * objectBytes + (cell % 2) * 600;

/** A gateway that crashes again and again, and comes back. */
async function crashRun(seed: number, flush: 'journal' | 'store', losesCache: boolean): Promise<void> {
  const random = seededRandom(seed);
  const time = new VirtualClock();
  const store = createMemoryStore();
  await createDisk(store, 'disk', { clock: time, random, size, objectBytes });
  let journal = new CrashDevice(journalBytes);
  /** By cell: the stamp that was flushed last, and the one that was written last. */
  const flushed = Array.from({ length: cells }, () => 0);
  const written = Array.from({ length: cells }, () => 0);
  let stamp = 0;
  for (let life = 0; life < 6; life++) {
    const gate = new Gate();
    const clock = new ProcessClock(time, gate);
    const link = linkTo(store, time, gate, { latencyMs: 30, errorRate: 0.05, isCut: false }, random);
    let failure: unknown;
    const living = live(link, clock, journal).catch((error: unknown) => {
      if (!gate.isDead) failure = error;
    });
    await time.advance(1000 + 15_000 * random());
    if (failure !== undefined) throw new Error(`seed ${seed}, life ${life}: ${failure}`, { cause: failure });
    gate.kill();
    void living;
    journal = losesCache && random() < 0.5 ? new CrashDevice(journalBytes) : journal.crashed(random);
  }

  async function live(link: ObjectStore, clock: ProcessClock, device: CrashDevice): Promise<void> {
    const options = { clock, random, journal: device, flush, followMs: 2000, leaseMs: 1000, retryMs: 20_000 } as const;
    const disk = await openJournaledDisk(link, 'disk', options);
    for (let cell = 0; cell < cells; cell++) {
      const target = new Uint8Array(4);
      await disk.read(offsetOf(cell), target);
      const value = new DataView(target.buffer).getUint32(0);
      const [least, most] = [flushed[cell] as number, written[cell] as number];
      if (value < least || value > most) throw new Error(`cell ${cell} has ${value}, expected ${least} to ${most}`);
      // What has come back is what counts from now on.
      written[cell] = value;
      flushed[cell] = value;
    }
    // All of it is flushed only when a flush says so; until then it may go again, back to what it was.
    await disk.flush();
    for (;;) {
      await new Promise<void>((resolve) => clock.schedule(Math.ceil(200 * random()), resolve));
      if (random() < 0.75) {
        const cell = Math.floor(random() * cells);
        stamp++;
        written[cell] = stamp;
        // Long ones, too, so that the ring comes round.
        const bytes = new Uint8Array(random() < 0.3 ? 40_000 : 4);
        new DataView(bytes.buffer).setUint32(0, stamp);
        if (bytes.length > 600 && cell % 2 === 0) await disk.write(offsetOf(cell), bytes.subarray(0, 600));
        else await disk.write(offsetOf(cell), bytes);
      } else {
        const asked = [...written];
        await disk.flush();
        for (const [cell, value] of asked.entries()) flushed[cell] = Math.max(flushed[cell] as number, value);
      }
    }
  }
}
