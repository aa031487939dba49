/** Where the blocks of a disk are: index pages as they are stored, and changes since. */
import { type BlockEntry, blocksPerPage, encodePage, type IndexPage } from '../format/index-page.ts';
import type { BlockMapState } from '../format/manifest.ts';
import type { ObjectName } from '../format/object-name.ts';
import type { PageReader } from './page-reader.ts';

/** Stores a page under a new name. `stored` is called when it is there, before anything else can happen. */
export type StorePage = (body: Uint8Array, stored: (name: ObjectName) => void) => Promise<void>;

/** What goes together with a map that becomes shorter. */
export interface MapCut {
  readonly mayCut: () => boolean;
  readonly onCut: () => void;
}

export class BlockMap {
  readonly #reader: PageReader;
  readonly #pages: Map<number, ObjectName>;
  readonly #changes: Map<number, BlockEntry | undefined>;
  /** Grows with each change. */
  version = 0;

  constructor(reader: PageReader, { pages, changes }: BlockMapState) {
    this.#reader = reader;
    this.#pages = new Map(pages);
    this.#changes = new Map(changes);
  }

  get changeCount(): number {
    return this.#changes.size;
  }

  /** What a manifest has of it. */
  state(): BlockMapState {
    return { pages: new Map(this.#pages), changes: new Map(this.#changes) };
  }

  /** Where a block is; `undefined` for a hole. At once if that is known. */
  get(block: number): BlockEntry | undefined | Promise<BlockEntry | undefined> {
    if (this.#changes.has(block)) return this.#changes.get(block);
    const page = this.#pageAt(Math.floor(block / blocksPerPage));
    if (page === undefined) return undefined;
    // A change may have come while the page was read.
    return page instanceof Promise ? page.then(() => this.get(block)) : page.get(block % blocksPerPage);
  }

  set(block: number, entry: BlockEntry | undefined): void {
    this.#changes.set(block, entry);
    this.version++;
  }

  /** The blocks of one page that are there, from `first` up to, but without, `end`, in ascending order. */
  async blocksOf(
    page: number,
    first: number,
    end: number,
  ): Promise<readonly (readonly [block: number, entry: BlockEntry])[]> {
    const stored = await this.#pageAt(page);
    const blocks = new Map<number, BlockEntry>();
    const start = page * blocksPerPage;
    for (const [slot, entry] of stored?.entries() ?? []) blocks.set(start + slot, entry);
    for (const [block, entry] of this.#changes) {
      if (Math.floor(block / blocksPerPage) !== page) continue;
      if (entry === undefined) blocks.delete(block);
      else blocks.set(block, entry);
    }
    return [...blocks].filter(([block]) => block >= first && block < end).sort(([one], [other]) => one - other);
  }

  /** Whether a page may have blocks. */
  hasPage(page: number): boolean {
    return this.#pages.has(page) || this.#pagesWithChanges().has(page);
  }

  /** All pages that may have blocks, in no order. */
  pageNumbers(): Iterable<number> {
    return new Set([...this.#pages.keys(), ...this.#pagesWithChanges()]);
  }

  /** The objects of the pages themselves. */
  pageObjects(): Iterable<ObjectName> {
    return this.#pages.values();
  }

  /** Writes pages that have the changes, and forgets the changes. */
  async fold(store: StorePage): Promise<void> {
    await Promise.all([...this.#pagesWithChanges()].map((page) => this.#foldPage(page, store)));
  }

  /**
   * Forgets all blocks from `end` on, in one turn: a state of the map has all of them or none. `mayCut` is asked in that turn, and `onCut` called
   * in it.
   *
   * @returns whether it was done; `false` when `mayCut` says no, or the map has changed meanwhile
   */
  async cut(end: number, store: StorePage, { mayCut, onCut }: MapCut): Promise<boolean> {
    const page = Math.floor(end / blocksPerPage);
    const name = this.#pages.get(page);
    const present = name === undefined ? undefined : await this.#reader.get(page, name);
    const all = [...(present?.entries() ?? [])];
    const kept = new Map(all.filter(([slot]) => page * blocksPerPage + slot < end));
    let isCut = false;
    const apply = (next: ObjectName | undefined): void => {
      if (this.#pages.get(page) !== name || !mayCut()) return;
      for (const one of this.#pages.keys()) if (one > page) this.#pages.delete(one);
      if (next === undefined) this.#pages.delete(page);
      else this.#pages.set(page, next);
      for (const block of this.#changes.keys()) if (block >= end) this.#changes.delete(block);
      this.version++;
      isCut = true;
      onCut();
    };
    if (kept.size === 0 || kept.size === all.length) {
      apply(kept.size === 0 ? undefined : name);
      return isCut;
    }
    const body = encodePage(page, kept);
    await store(body, (next) => {
      this.#reader.keep(page, next, body);
      apply(next);
    });
    return isCut;
  }

  async #foldPage(page: number, store: StorePage): Promise<void> {
    const stored = await this.#pageAt(page);
    const start = page * blocksPerPage;
    const changes = [...this.#changes].filter(([block]) => Math.floor(block / blocksPerPage) === page);
    const entries = new Map(stored?.entries() ?? []);
    for (const [block, entry] of changes) {
      if (entry === undefined) entries.delete(block - start);
      else entries.set(block - start, entry);
    }
    const forget = (): void => {
      // What has changed again meanwhile stays.
      for (const [block, entry] of changes) if (this.#changes.get(block) === entry) this.#changes.delete(block);
      this.version++;
    };
    if (entries.size === 0) {
      this.#pages.delete(page);
      forget();
      return;
    }
    const body = encodePage(page, entries);
    await store(body, (name) => {
      this.#reader.keep(page, name, body);
      this.#pages.set(page, name);
      forget();
    });
  }

  #pageAt(page: number): IndexPage | undefined | Promise<IndexPage> {
    const name = this.#pages.get(page);
    return name === undefined ? undefined : this.#reader.get(page, name);
  }

  #pagesWithChanges(): Set<number> {
    const pages = new Set<number>();
    for (const block of this.#changes.keys()) pages.add(Math.floor(block / blocksPerPage));
    return pages;
  }
}
