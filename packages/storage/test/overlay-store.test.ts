/** What an overlay gives back to its store, and when it must not. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BlockDevice, baseAllocation } from '@nbdjs/interfaces';
import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { createMemoryDevice, createOverlayLayer, openFileDevice } from '../src/index.ts';
import { AroundLayer, type LayerCall } from '../src/layers/around.ts';

const kibi = 1024;
const mebi = 2 ** 20;
const size = 4 * mebi;
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Bytes that a device stores. */
async function used(store: BlockDevice): Promise<number> {
  const [status] = await store.blockStatus(0, store.geometry.size, { contexts: [baseAllocation] });
  return (status?.extents ?? []).reduce((sum, extent) => sum + (extent.status === 0n ? Number(extent.length) : 0), 0);
}

async function read(device: BlockDevice, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  await device.read(offset, bytes);
  return bytes;
}

/** A store whose writes and trims take effect and settle only when the test releases them. */
class SlowStore extends AroundLayer {
  readonly waiting: { readonly command: string; go(): Promise<void> }[] = [];

  constructor(inner: BlockDevice) {
    super(inner, (call, go) => (['write', 'trim'].includes(call.command) ? this.#wait(call, go) : go()));
  }

  #wait<Result>({ command }: LayerCall, go: () => Result | Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      const settle = async (): Promise<void> => {
        this.waiting.splice(this.waiting.indexOf(entry), 1);
        try {
          resolve(await go());
        } catch (error) {
          reject(error);
        }
        await turn();
      };
      const entry = { command, go: settle };
      this.waiting.push(entry);
    });
  }
}

describe('B3: an overlay gives back to its store', () => {
  it.each<[string, (device: BlockDevice, offset: number, length: number) => void | Promise<void>]>([
    ['trimmed', (device, offset, length) => device.trim(offset, length)],
    ['zeroed', (device, offset, length) => device.writeZeroes(offset, length)],
    ['overwritten by zeroes', (device, offset, length) => device.write(offset, new Uint8Array(length))],
  ])('what was %s, in pieces of any length', async (_how, clear) => {
    const store = createMemoryDevice({ size });
    const device = createOverlayLayer(createMemoryDevice({ size }), { store });
    for (const pieceBytes of [mebi, 64 * kibi, 4 * kibi, 1000]) {
      await device.write(0, new Uint8Array(mebi).fill(7));
      expect(await used(store)).toBe(mebi);
      for (let offset = 0; offset < mebi; offset += pieceBytes) {
        await clear(device, offset, Math.min(pieceBytes, mebi - offset));
      }
      expect(await used(store)).toBe(0);
      expect((await read(device, 0, mebi)).every((byte) => byte === 0)).toBe(true);
    }
  });

  it('nothing beside the range', async () => {
    const store = createMemoryDevice({ size });
    const device = createOverlayLayer(createMemoryDevice({ size }), { store });
    await device.write(0, new Uint8Array(mebi).fill(7));
    await device.trim(100 * kibi + 1, 500 * kibi);
    const bytes = await read(device, 0, mebi);
    const expected = Buffer.alloc(mebi, 7).fill(0, 100 * kibi + 1, 600 * kibi + 1);
    expect(bytes.equals(expected)).toBe(true);
    expect(await used(store)).toBeLessThanOrEqual(mebi - 384 * kibi);
  });

  it('blocks of a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nbdjs-overlay-'));
    try {
      const path = join(folder, 'store');
      const store = await openFileDevice(path, { create: true, size });
      const device = createOverlayLayer(createMemoryDevice({ size }), { store });
      await device.write(0, new Uint8Array(mebi).fill(7));
      await device.flush();
      expect(statSync(path).blocks).toBeGreaterThanOrEqual(2048);
      for (let offset = 0; offset < mebi; offset += 1000) await device.trim(offset, Math.min(1000, mebi - offset));
      expect(statSync(path).blocks).toBeLessThan(64);
      await device.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('nothing that is being written meanwhile', async () => {
    const memory = createMemoryDevice({ size });
    const store = new SlowStore(memory);
    const device = createOverlayLayer(createMemoryDevice({ size }), { store });
    const first = device.write(0, new Uint8Array(mebi).fill(1));
    await store.waiting[0]?.go();
    await first;
    const second = device.write(256 * kibi, new Uint8Array(256 * kibi).fill(2));
    const trimming = device.trim(0, mebi);
    expect(store.waiting.map(({ command }) => command)).toEqual(['write', 'trim', 'trim']);
    await store.waiting[0]?.go();
    await second;
    while (store.waiting.length > 0) await store.waiting[0]?.go();
    await trimming;
    const expected = Buffer.alloc(mebi).fill(2, 256 * kibi, 512 * kibi);
    expect((await read(device, 0, mebi)).equals(expected)).toBe(true);
    expect(await used(memory)).toBe(256 * kibi);
  });

  it('before anything is written to the same place, however long it takes', async () => {
    const store = new SlowStore(createMemoryDevice({ size }));
    const device = createOverlayLayer(createMemoryDevice({ size }), { store });
    const first = device.write(0, new Uint8Array(mebi).fill(1));
    await store.waiting[0]?.go();
    await first;
    const trimming = device.trim(0, mebi);
    const second = device.write(4096, new Uint8Array(4096).fill(2));
    const third = device.write(2 * mebi, new Uint8Array(4096).fill(3));
    expect(store.waiting.map(({ command }) => command)).toEqual(['trim', 'write']);
    while (store.waiting.length > 0) await store.waiting[0]?.go();
    await Promise.all([trimming, second, third]);
    expect((await read(device, 0, 12_288)).equals(Buffer.alloc(12_288).fill(2, 4096, 8192))).toBe(true);
  });

  it('and keeps the right content under concurrent calls', async () => {
    const next = seededRandom(20_261_127);
    const below = (count: number): number => Math.floor(next() * count);
    const memory = createMemoryDevice({ size });
    const store = new SlowStore(memory);
    const device = createOverlayLayer(createMemoryDevice({ size }), { store });
    const model = Buffer.alloc(size);
    const lanes = 7;
    const laneBytes = 512 * Math.floor(size / 512 / lanes);
    let left = lanes;
    // Neighbours whose requests never overlap, but whose units do.
    const lane = async (number: number): Promise<void> => {
      for (let count = 0; count < 60; count++) {
        const start = number * laneBytes + 512 * below(laneBytes / 512);
        const end = Math.min(start + 512 * (1 + below(300)), (number + 1) * laneBytes);
        const fill = below(3);
        model.fill(fill, start, end);
        if (fill === 0 && below(2) === 0) await device.trim(start, end - start);
        else await device.write(start, new Uint8Array(end - start).fill(fill));
      }
      left--;
    };
    const running = Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
    while (left > 0) {
      await turn();
      if (store.waiting.length > 0) await store.waiting[below(store.waiting.length)]?.go();
    }
    await running;
    expect((await read(device, 0, size)).equals(model)).toBe(true);
    const trimming = device.trim(0, size);
    while (store.waiting.length > 0) await store.waiting[0]?.go();
    await trimming;
    expect(await used(memory)).toBe(0);
  });
});
