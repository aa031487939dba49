/** The bits of a bitmap, as runs of the disk. */
import type { PageCache } from '../device/page-cache.ts';
import type { Qcow2Bitmap } from './bitmaps.ts';
import { damage } from './damage.ts';

/** A part of a disk that has changed, or has not. */
export interface BitmapRun {
  /** Bytes of the disk, never 0. */
  readonly length: number;
  /** It has changed. */
  readonly isDirty: boolean;
}

/** QEMU's context for a bitmap. */
const contextPrefix = 'qemu:dirty-bitmap:';

/** The bitmaps that can be used, by the names of their contexts. */
export function usableBitmaps(
  tables: PageCache,
  bitmaps: readonly Qcow2Bitmap[],
  clusterBytes: number,
): ReadonlyMap<string, BitmapMap> {
  const usable = bitmaps.filter((one) => one.isUsable);
  return new Map(usable.map((one) => [`${contextPrefix}${one.name}`, new BitmapMap(tables, one, clusterBytes)]));
}

export class BitmapMap {
  readonly #tables: PageCache;
  readonly #bitmap: Qcow2Bitmap;
  readonly #clusterBytes: number;

  constructor(tables: PageCache, bitmap: Qcow2Bitmap, clusterBytes: number) {
    this.#tables = tables;
    this.#bitmap = bitmap;
    this.#clusterBytes = clusterBytes;
  }

  /**
   * The first run of a range, `length` bytes of it at most. It ends where a page of bits ends, too.
   *
   * @throws CommandError `EIO` when the bitmap is damaged there.
   */
  async locate(offset: number, length: number): Promise<BitmapRun> {
    const { granularityBytes, table } = this.#bitmap;
    const bit = Math.floor(offset / granularityBytes);
    const clusterBits = this.#clusterBytes * 8;
    const index = Math.floor(bit / clusterBits);
    const place = table.offset + 8 * index;
    const page = await this.#tables.page(place);
    const at = this.#tables.within(place);
    const low = page.getUint32(at + 4);
    const cluster = (page.getUint32(at) & 0x00ff_ffff) * 2 ** 32 + ((low & ~511) >>> 0);
    const toEnd = (end: number): number => Math.min(length, end * granularityBytes - offset);
    // Without a cluster, all of its bits are the same.
    if (cluster === 0) return { length: toEnd((index + 1) * clusterBits), isDirty: (low & 1) !== 0 };
    if (cluster % this.#clusterBytes !== 0) {
      throw damage(
        `the entry of the bitmap at byte ${place}`,
        `its bits at byte ${cluster} are not at the start of a cluster`,
      );
    }
    const first = bit - index * clusterBits;
    const bits = await this.#tables.page(cluster + (first >> 3));
    const start = this.#tables.within(cluster + (first >> 3));
    const bytes = Math.min(this.#tables.entriesFrom(cluster + (first >> 3), 1), this.#clusterBytes - (first >> 3));
    const run = equalBits(bits, start, start + bytes, first & 7);
    return { length: toEnd(bit + run.count), isDirty: run.isSet };
  }
}

/** How many bits from one on are equal, up to a byte. Bits count from the lowest of each byte on. */
function equalBits(view: DataView, start: number, end: number, from: number): { count: number; isSet: boolean } {
  const isSet = ((view.getUint8(start) >> from) & 1) === 1;
  const same = isSet ? 0xff : 0;
  let count = 0;
  for (let at = start, bit = from; at < end; at++, bit = 0) {
    const byte = view.getUint8(at);
    if (bit === 0 && byte === same) {
      count += 8;
      continue;
    }
    for (; bit < 8; bit++, count++) if ((((byte >> bit) & 1) === 1) !== isSet) return { count, isSet };
  }
  return { count, isSet };
}
