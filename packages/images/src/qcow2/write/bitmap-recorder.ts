/** Bitmaps that follow what is written: while they do, they are marked as being in use, so that after a crash they do not count. */
import { Semaphore } from '@nbdjs/kit';
import { BitmapFlag, type Qcow2Bitmap } from '../bitmaps.ts';
import type { Allocator } from './allocator.ts';
import { BitmapEntries, type BitmapEntry } from './bitmap-entries.ts';
import { Stage, type TablePages } from './table-pages.ts';
import type { TableStore } from './table-store.ts';

/** What recording needs. */
export interface BitmapRecorderParts {
  readonly pages: TablePages;
  readonly allocator: Allocator;
  readonly store: TableStore;
  readonly bitmaps: readonly Qcow2Bitmap[];
  readonly clusterBytes: number;
}

/** Where the flags are in an entry of the directory. */
const flagsAt = 12;

export class BitmapRecorder {
  readonly #parts: BitmapRecorderParts;
  readonly #entries: BitmapEntries;
  readonly #followed: readonly Qcow2Bitmap[];
  /** Clusters of bits are made one after the other. */
  readonly #making = new Semaphore(1);
  #begun: Promise<void> | undefined;
  #isGivenUp = false;

  constructor(parts: BitmapRecorderParts) {
    this.#parts = parts;
    this.#entries = new BitmapEntries(parts);
    this.#followed = parts.bitmaps.filter((one) => one.isAuto && one.isUsable);
  }

  /** A range of the disk is going to be changed. */
  async mark(start: number, end: number): Promise<void> {
    await this.begin();
    for (const bitmap of this.#followed) await this.#markIn(bitmap, start, end);
  }

  /** Bitmaps that follow changes do not count from now on, until the end. */
  async begin(): Promise<void> {
    if (this.#followed.length === 0) return;
    this.#begun ??= this.setFlag(this.#followed, BitmapFlag.InUse, true);
    await this.#begun;
  }

  /** Whether a bitmap follows what is written. */
  follows(bitmap: Qcow2Bitmap): boolean {
    return this.#followed.includes(bitmap);
  }

  /** Runs work while no entry of a table is changed by others. */
  alone<Result>(work: () => Promise<Result>): Promise<Result> {
    return this.#making.run(work);
  }

  /** Something of them may be wrong now, or not fit the disk: they do not count any more. */
  giveUp(): void {
    this.#isGivenUp = true;
  }

  /** All bits are stored: the bitmaps count again. */
  async end(): Promise<void> {
    if (this.#begun === undefined || this.#isGivenUp) return;
    await this.#begun;
    await this.setFlag(this.#followed, BitmapFlag.InUse, false);
  }

  /** Sets or clears a flag of bitmaps, on stable storage. */
  async setFlag(bitmaps: readonly Qcow2Bitmap[], flag: number, isSet: boolean): Promise<void> {
    const { pages, store } = this.#parts;
    if (bitmaps.length === 0) return;
    for (const { place } of bitmaps) {
      const at = place + flagsAt;
      await pages.visit(at, (view) => {
        const within = pages.within(at);
        const flags = view.getUint32(within);
        view.setUint32(within, (isSet ? flags | flag : flags & ~flag) >>> 0);
        pages.touch(at, view, Stage.References);
      });
    }
    await store.commit();
  }

  async #markIn(bitmap: Qcow2Bitmap, start: number, end: number): Promise<void> {
    const { clusterBytes } = this.#parts;
    const { granularityBytes } = bitmap;
    const perCluster = 8 * clusterBytes;
    const last = Math.ceil(end / granularityBytes);
    for (let bit = Math.floor(start / granularityBytes); bit < last; ) {
      const index = Math.floor(bit / perCluster);
      const stop = Math.min(last, (index + 1) * perCluster);
      const cluster = await this.#clusterOf(bitmap, index);
      if (cluster !== undefined) await this.#setBits(cluster, bit - index * perCluster, stop - index * perCluster);
      bit = stop;
    }
  }

  /** Where the bits are stored; `undefined`: all of them are set. */
  async #clusterOf(bitmap: Qcow2Bitmap, index: number): Promise<number | undefined> {
    const found = await this.#entries.read(bitmap, index);
    return found.cluster === 0 && !found.isSet
      ? this.#making.run(() => this.#makeCluster(bitmap, index))
      : clusterIn(found);
  }

  async #makeCluster(bitmap: Qcow2Bitmap, index: number): Promise<number | undefined> {
    const found = await this.#entries.read(bitmap, index);
    if (found.cluster !== 0 || found.isSet) return clusterIn(found);
    const { pages, allocator, clusterBytes } = this.#parts;
    const { first } = await allocator.allocate(1);
    const cluster = first * clusterBytes;
    pages.create(cluster, clusterBytes, Stage.NewTables);
    await this.#entries.write(bitmap, index, BigInt(cluster));
    return cluster;
  }

  async #setBits(cluster: number, from: number, to: number): Promise<void> {
    const { pages } = this.#parts;
    const perPage = 8 * pages.pageBytes;
    for (let bit = from; bit < to; ) {
      const page = Math.floor(bit / perPage);
      const stop = Math.min(to, (page + 1) * perPage);
      const place = cluster + page * pages.pageBytes;
      const [first, last] = [bit - page * perPage, stop - page * perPage];
      await pages.visit(place, (view) => {
        if (setBits(view, first, last)) pages.touch(place, view, Stage.References);
      });
      bit = stop;
    }
  }
}

function clusterIn({ cluster, isSet }: BitmapEntry): number | undefined {
  return isSet ? undefined : cluster;
}

/** Returns whether one of them was not set before. Bits count from the lowest of each byte on. */
function setBits(view: DataView, from: number, to: number): boolean {
  let hasChanged = false;
  for (let at = from >> 3; at <= (to - 1) >> 3; at++) {
    const low = Math.max(from, 8 * at) - 8 * at;
    const high = Math.min(to, 8 * at + 8) - 8 * at;
    const mask = (0xff << low) & (0xff >> (8 - high));
    const byte = view.getUint8(at);
    if ((byte & mask) === mask) continue;
    view.setUint8(at, byte | mask);
    hasChanged = true;
  }
  return hasChanged;
}
