/**
 * Bitmaps when the size of the disk changes: their tables have to be as long as the disk demands. While they change, all of them are marked as being
 * in use, so that after a crash none counts that may be wrong.
 */
import { CommandError } from '@nbdjs/interfaces';
import { quoted, unsupportedImage } from '../../image-errors.ts';
import { BitmapFlag, type Qcow2Bitmap, tableEntriesFor } from '../bitmaps.ts';
import { bitmapBitBytesMax, bitmapTableBytesMax } from '../limits.ts';
import { allSet, BitmapEntries } from './bitmap-entries.ts';
import type { BitmapRecorder, BitmapRecorderParts } from './bitmap-recorder.ts';
import { Stage } from './table-pages.ts';

/** What the resizer needs. */
export interface BitmapResizerParts extends BitmapRecorderParts {
  readonly recorder: BitmapRecorder;
}

/** Where fields are in an entry of the directory. */
const [tableOffsetAt, tableEntriesAt] = [0, 8];

export class BitmapResizer {
  readonly #parts: BitmapResizerParts;
  readonly #entries: BitmapEntries;

  constructor(parts: BitmapResizerParts) {
    this.#parts = parts;
    this.#entries = new BitmapEntries(parts);
  }

  /**
   * @throws UsageError `ERR_NBD_NOT_SUPPORTED` for bitmaps that cannot be used, which QEMU does not resize either; CommandError `ENOSPC` when one
   *   would be too large.
   */
  judge(size: bigint): void {
    const { clusterBytes } = this.#parts;
    for (const bitmap of this.#parts.bitmaps) {
      const { name, inUse, isUsable, granularityBytes } = bitmap;
      if (!isUsable) {
        const why = inUse
          ? 'is marked as being in use, so that its content is unknown'
          : 'has data that are not known here';
        throw unsupportedImage(
          `an image cannot be resized while its bitmap ${quoted(name)} ${why}; remove the bitmap first`,
        );
      }
      const entries = tableEntriesFor(size, granularityBytes, clusterBytes);
      if (8 * entries > bitmapTableBytesMax || entries * clusterBytes > bitmapBitBytesMax) {
        throw new CommandError('ENOSPC', `bitmap ${quoted(name)} would be too large for a disk of ${size} bytes`);
      }
    }
  }

  /** Fits the bitmaps to a new size of the disk, which `storeSize` stores. `judge` has allowed it. When it fails, the bitmaps are lost. */
  async resize(old: bigint, size: bigint, storeSize: () => Promise<void>): Promise<void> {
    const { bitmaps, recorder } = this.#parts;
    if (bitmaps.length === 0 || old === size) return storeSize();
    const others = bitmaps.filter((one) => !recorder.follows(one));
    await recorder.begin();
    await recorder.setFlag(others, BitmapFlag.InUse, true);
    try {
      for (const bitmap of bitmaps) {
        if (size > old) await this.#lengthen(bitmap, old, size);
        else await this.#shorten(bitmap, size);
      }
      await storeSize();
    } catch (error) {
      recorder.giveUp();
      throw error;
    }
    await recorder.setFlag(others, BitmapFlag.InUse, false);
  }

  /** The new part of the disk counts as changed where a bitmap follows changes: a copy that is older than the bitmap may have other bytes there. */
  async #lengthen(bitmap: Qcow2Bitmap, old: bigint, size: bigint): Promise<void> {
    const { clusterBytes, recorder, store } = this.#parts;
    const entries = tableEntriesFor(size, bitmap.granularityBytes, clusterBytes);
    const before = bitmap.table.entries;
    if (entries > before) {
      await recorder.alone(async () => {
        const { offset } = bitmap.table;
        await this.#makeRoom(bitmap, entries);
        for (let index = before; index < entries; index++) {
          await this.#entries.write(bitmap, index, recorder.follows(bitmap) ? allSet : 0n);
        }
        if (bitmap.table.offset !== offset) await this.#setField(bitmap, tableOffsetAt, bitmap.table.offset);
      });
      // A sector is stored as a whole, and an entry of the directory may be in two of them: the table is there before its length says so.
      await store.commit();
      bitmap.table.entries = entries;
      await this.#setField(bitmap, tableEntriesAt, entries);
    }
    if (recorder.follows(bitmap)) {
      const known = BigInt(before) * BigInt(8 * clusterBytes * bitmap.granularityBytes);
      await recorder.mark(Number(old), Number(size < known ? size : known));
    }
    await store.commit();
  }

  async #shorten(bitmap: Qcow2Bitmap, size: bigint): Promise<void> {
    const { allocator, clusterBytes, recorder, store } = this.#parts;
    const { table, granularityBytes } = bitmap;
    const entries = tableEntriesFor(size, granularityBytes, clusterBytes);
    const before = table.entries;
    await recorder.alone(async () => {
      for (let index = entries; index < before; index++) {
        const { cluster } = await this.#entries.read(bitmap, index);
        if (cluster !== 0) allocator.release({ first: cluster / clusterBytes, count: 1 });
      }
      if (entries < before) {
        const [kept, had] = [this.#tableClusters(entries), this.#tableClusters(before)];
        if (kept < had) allocator.release({ first: table.offset / clusterBytes + kept, count: had - kept });
        table.entries = entries;
        await this.#setField(bitmap, tableEntriesAt, entries);
      }
      const bits = Math.ceil(Number(size) / granularityBytes) - (entries - 1) * 8 * clusterBytes;
      if (entries > 0) await this.#clearFrom(bitmap, entries - 1, bits);
    });
    await store.commit();
  }

  /** Moves a table to where it can be longer, unless its last cluster has room enough. */
  async #makeRoom({ table }: Qcow2Bitmap, entries: number): Promise<void> {
    const { pages, allocator, clusterBytes } = this.#parts;
    const [had, needed] = [this.#tableClusters(table.entries), this.#tableClusters(entries)];
    if (needed === had) return;
    const { first } = await allocator.allocateWhole(needed);
    const offset = first * clusterBytes;
    pages.create(offset, needed * clusterBytes, Stage.NewTables);
    for (let at = 0; at < had * clusterBytes; at += pages.pageBytes) {
      const copy = await pages.visit(table.offset + at, (view) => new Uint8Array(view.buffer.slice(0)));
      await pages.visit(offset + at, (view) => {
        new Uint8Array(view.buffer).set(copy);
        pages.touch(offset + at, view, Stage.NewTables);
      });
    }
    if (had > 0) allocator.release({ first: table.offset / clusterBytes, count: had });
    table.offset = offset;
  }

  /** Bits behind the end of the disk are zero. */
  async #clearFrom(bitmap: Qcow2Bitmap, index: number, from: number): Promise<void> {
    const { pages, clusterBytes } = this.#parts;
    const { cluster } = await this.#entries.read(bitmap, index);
    if (cluster === 0) return;
    const first = from >> 3;
    for (let at = first; at < clusterBytes; ) {
      const place = cluster + at;
      const end = Math.min(clusterBytes, at - (at % pages.pageBytes) + pages.pageBytes);
      await pages.visit(place, (view) => {
        const bytes = new Uint8Array(view.buffer, pages.within(place), end - at);
        const kept = at === first ? (bytes[0] as number) & ((1 << (from & 7)) - 1) : 0;
        bytes.fill(0);
        bytes[0] = kept;
        pages.touch(place, view, Stage.References);
      });
      at = end;
    }
  }

  /** How many clusters a table of so many entries takes. */
  #tableClusters(entries: number): number {
    return Math.ceil((8 * entries) / this.#parts.clusterBytes);
  }

  async #setField(
    bitmap: Qcow2Bitmap,
    field: typeof tableOffsetAt | typeof tableEntriesAt,
    value: number,
  ): Promise<void> {
    const { pages } = this.#parts;
    const place = bitmap.place + field;
    await pages.visit(place, (view) => {
      if (field === tableOffsetAt) view.setBigUint64(pages.within(place), BigInt(value));
      else view.setUint32(pages.within(place), value);
      pages.touch(place, view, Stage.References);
    });
  }
}
