/** The tables of an image that is being changed: changes are kept in memory until they are stored together, in an order that keeps the image valid. */
import { PageCache } from '../../device/page-cache.ts';
import type { WritableFile } from '../../device/writable-file.ts';

/**
 * When a page may be stored. What refers to something has to be stored after it, so pages of one stage are stored when those of all
 * stages before are safe.
 */
export const Stage = {
  /** Refcounts: a refcount that is too high is a leak, and no damage. */
  Refcounts: 0,
  /** Tables to which nothing on the disk refers yet. */
  NewTables: 1,
  /** The refcount table, which refers to refcounts. */
  RefcountTable: 2,
  /** L1 and L2 tables, which refer to all of it. */
  References: 3,
} as const;

/** One of `Stage`. */
export type StageNumber = (typeof Stage)[keyof typeof Stage];

/** A page as it has to be stored. */
export interface StoredPage {
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly stage: StageNumber;
}

interface ChangedPage {
  readonly view: DataView;
  stage: StageNumber;
}

/** A page of a table never has bytes of anything else, so it may be stored as a whole. */
const pageBytesMax = 8192;

export class TablePages extends PageCache {
  readonly #changed = new Map<number, ChangedPage>();
  /** Pages that are being stored: until then the disk has old ones. */
  readonly #storing = new Map<number, DataView>();

  /** `bytesMax`: how much is kept besides pages that have to be stored, in bytes. */
  constructor(file: WritableFile, bytesMax: number, clusterBytes: number) {
    super(file, bytesMax, Math.min(pageBytesMax, clusterBytes));
  }

  /** What has to be stored, in bytes. */
  get changedBytes(): number {
    return this.#changed.size * this.pageBytes;
  }

  override page(offset: number): DataView | Promise<DataView> {
    return this.#own(offset) ?? super.page(offset);
  }

  override loaded(offset: number): DataView | undefined {
    return this.#own(offset) ?? super.loaded(offset);
  }

  #own(offset: number): DataView | undefined {
    const index = Math.floor(offset / this.pageBytes);
    return this.#changed.get(index)?.view ?? this.#storing.get(index);
  }

  /** Hands a page to `use` in a turn in which it is in memory: what `use` changes in it, and touches, is kept. */
  async visit<Result>(offset: number, use: (view: DataView) => Result): Promise<Result> {
    for (;;) {
      const page = this.page(offset);
      if (!(page instanceof Promise)) return use(page);
      await page;
    }
  }

  /** A page that is in memory was changed, in this turn. */
  touch(offset: number, view: DataView, stage: StageNumber): void {
    const index = Math.floor(offset / this.pageBytes);
    const known = this.#changed.get(index);
    if (known === undefined) this.#changed.set(index, { view, stage });
    else if (stage < known.stage) known.stage = stage;
  }

  /** Makes pages of zeroes for a table that is new. */
  create(offset: number, length: number, stage: StageNumber): void {
    for (let at = offset; at < offset + length; at += this.pageBytes) {
      const view = new DataView(new ArrayBuffer(this.pageBytes));
      this.#changed.set(Math.floor(at / this.pageBytes), { view, stage });
    }
  }

  /** Takes the pages that have to be stored, as they are now, ascending. `stored` or `restore` has to follow. */
  take(isWanted: (stage: StageNumber) => boolean): readonly StoredPage[] {
    const taken: StoredPage[] = [];
    for (const [index, { view, stage }] of this.#changed) {
      if (!isWanted(stage)) continue;
      this.#changed.delete(index);
      this.#storing.set(index, view);
      taken.push({ offset: index * this.pageBytes, bytes: new Uint8Array(view.buffer.slice(0)), stage });
    }
    return taken.sort((one, other) => one.offset - other.offset);
  }

  /** Pages are on the disk: they need not be kept. */
  stored(pages: readonly StoredPage[]): void {
    for (const { offset } of pages) {
      const index = offset / this.pageBytes;
      const view = this.#storing.get(index);
      this.#storing.delete(index);
      if (view !== undefined) this.keep(index, view);
    }
  }

  /** Pages could not be stored: they have to be, still, together with what has changed since then. */
  restore(pages: readonly StoredPage[]): void {
    for (const { offset, stage } of pages) {
      const index = offset / this.pageBytes;
      const view = this.#storing.get(index);
      this.#storing.delete(index);
      if (view !== undefined) this.touch(offset, view, stage);
    }
  }
}
