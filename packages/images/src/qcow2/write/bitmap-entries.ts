/** The entries of the tables of bitmaps: each says where a cluster of bits is. */
import type { Qcow2Bitmap } from '../bitmaps.ts';
import { damage } from '../damage.ts';
import { offsetMask } from '../table-entry.ts';
import { Stage, type TablePages } from './table-pages.ts';

/** Where the bits of a cluster of bits are. */
export interface BitmapEntry {
  /** The byte at which they begin; 0: they are nowhere. */
  readonly cluster: number;
  /** They are nowhere, and all of them are set. */
  readonly isSet: boolean;
}

/** An entry without a cluster, all of whose bits are set. */
export const allSet = 1n;

export class BitmapEntries {
  readonly #pages: TablePages;
  readonly #clusterBytes: number;

  constructor({ pages, clusterBytes }: { readonly pages: TablePages; readonly clusterBytes: number }) {
    this.#pages = pages;
    this.#clusterBytes = clusterBytes;
  }

  /** @throws CommandError `EIO` when it is damaged. */
  async read({ table }: Qcow2Bitmap, index: number): Promise<BitmapEntry> {
    const place = table.offset + 8 * index;
    const entry = await this.#pages.visit(place, (view) => view.getBigUint64(this.#pages.within(place)));
    const cluster = Number(entry & offsetMask);
    if (cluster % this.#clusterBytes !== 0) {
      throw damage(
        `the entry of the bitmap at byte ${place}`,
        `its bits at byte ${cluster} are not at the start of a cluster`,
      );
    }
    return { cluster, isSet: cluster === 0 && (entry & allSet) !== 0n };
  }

  /** The stage of a new table stays that of a new table. */
  async write({ table }: Qcow2Bitmap, index: number, entry: bigint): Promise<void> {
    const place = table.offset + 8 * index;
    await this.#pages.visit(place, (view) => {
      view.setBigUint64(this.#pages.within(place), entry);
      this.#pages.touch(place, view, Stage.References);
    });
  }
}
