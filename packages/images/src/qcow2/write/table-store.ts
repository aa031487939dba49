/**
 * Stores changed tables in an order that keeps the image valid at any moment: first refcounts and new tables, then what refers to them. A cluster
 * is free only when the tables that do not refer to it any more are on stable storage.
 */
import { concatenate, settleAll } from '@nbdjs/kit';
import type { WritableFile } from '../../device/writable-file.ts';
import { Incompatible } from '../features.ts';
import type { Allocator } from './allocator.ts';
import type { HeaderFields } from './header-fields.ts';
import type { ReadTurns } from './read-turns.ts';
import type { Refcounts } from './refcounts.ts';
import type { ReferenceTables } from './reference-tables.ts';
import { Stage, type StoredPage, type TablePages } from './table-pages.ts';

/** What storing needs. */
export interface TableStoreParts {
  readonly file: WritableFile;
  /** The file with the clusters, if it is another one. */
  readonly dataFile: WritableFile | undefined;
  readonly pages: TablePages;
  readonly refcounts: Refcounts;
  readonly tables: ReferenceTables;
  readonly allocator: Allocator;
  readonly header: HeaderFields;
  readonly reads: ReadTurns;
  /** The incompatible features of the image, as it was opened. */
  readonly incompatible: bigint;
  /** Refcounts are stored when the image is closed, or there are too many; until then, the dirty bit is set. */
  readonly isLazy: boolean;
  /** Changed tables are stored when they have more bytes. */
  readonly changedBytesMax: number;
}

/** Clusters that wait to become free, in spans: more of them are a reason to store the tables. */
const waitingMax = 65_536;
/** Pages behind each other are stored in one write of at most so many bytes. */
const writeBytesMax = 2 ** 20;
/** Writes of pages that are under way at a time. */
const writesMax = 32;

export class TableStore {
  readonly #parts: TableStoreParts;
  #isDirty = false;
  /** The tables refer to data that may not be on stable storage. */
  #refersToNewData = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(parts: TableStoreParts) {
    this.#parts = parts;
  }

  /** The tables in memory refer to data that were written since they were stored. */
  noteNewData(): void {
    this.#refersToNewData = true;
  }

  /** Whether so much has changed that it has to be stored before there is more. */
  get isFull(): boolean {
    const { pages, allocator, changedBytesMax } = this.#parts;
    return pages.changedBytes > changedBytesMax || allocator.waitingCount > waitingMax;
  }

  /** Stores what has changed up to now, data too. Calls at the same time share the work. */
  commit(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.#start();
      });
    return this.#next;
  }

  /** Stores everything, and says that the refcounts are right: the image is not changed any more. */
  async finish(): Promise<void> {
    const { allocator, pages, header, file, incompatible } = this.#parts;
    await this.#idle();
    await this.#store(true);
    await this.#parts.reads.passed();
    await allocator.settle();
    if (pages.changedBytes > 0) await this.#store(true);
    if (this.#isDirty) {
      await header.store({ incompatible });
      await file.flush();
      this.#isDirty = false;
    }
  }

  async #idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running.catch(() => {});
  }

  #start(): Promise<void> {
    const running = this.#store(!this.#parts.isLazy || this.isFull).finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  /** `isWhole`: with the refcounts. */
  async #store(isWhole: boolean): Promise<void> {
    const { pages, refcounts, tables, allocator, reads, header } = this.#parts;
    await allocator.settle();
    // All of this is taken in one turn, so that what refers to something is never taken without it.
    const taken = pages.take((stage) => isWhole || stage === Stage.NewTables || stage === Stage.References);
    const change = isWhole ? refcounts.headerChange.take() : undefined;
    const move = tables.headerChange.take();
    const given = allocator.takeGiven();
    const refersToNewData = this.#refersToNewData;
    this.#refersToNewData = false;
    const of = (...stages: readonly number[]): StoredPage[] => taken.filter(({ stage }) => stages.includes(stage));
    const early = of(Stage.Refcounts, Stage.NewTables);
    const links = of(Stage.RefcountTable);
    const references = of(Stage.References);
    try {
      let isSafe = !refersToNewData;
      if (!isWhole && taken.length > 0) isSafe = (await this.#markDirty()) && isSafe;
      if (early.length > 0) isSafe = false;
      await this.#write(early);
      if (links.length > 0 || change !== undefined) {
        await this.#flush();
        isSafe = false;
        await this.#write(links);
        if (change !== undefined) await header.store(change);
      }
      if (references.length > 0 || move !== undefined) {
        if (!isSafe) await this.#flush();
        await this.#write(references);
        if (move !== undefined) await header.store(move);
      }
      await this.#flush();
    } catch (error) {
      pages.restore(taken);
      refcounts.headerChange.restore(change);
      tables.headerChange.restore(move);
      allocator.restoreGiven(given);
      this.#refersToNewData ||= refersToNewData;
      throw error;
    }
    pages.stored(taken);
    if (given.length > 0) void reads.passed().then(() => allocator.ripen(given));
  }

  /** Returns whether nothing had to be stored for it. */
  async #markDirty(): Promise<boolean> {
    if (this.#isDirty) return true;
    const { header, incompatible } = this.#parts;
    await header.store({ incompatible: incompatible | Incompatible.Dirty });
    this.#isDirty = true;
    return false;
  }

  async #flush(): Promise<void> {
    const { file, dataFile } = this.#parts;
    await settleAll([dataFile?.flush(), file.flush()]);
  }

  async #write(pages: readonly StoredPage[]): Promise<void> {
    const { file } = this.#parts;
    const work: (void | Promise<void>)[] = [];
    for (let from = 0; from < pages.length; ) {
      const to = endOfRun(pages, from);
      work.push(
        file.write((pages[from] as StoredPage).offset, concatenate(pages.slice(from, to).map(({ bytes }) => bytes))),
      );
      from = to;
      if (work.length >= writesMax) await settleAll(work.splice(0));
    }
    await settleAll(work);
  }
}

/** Behind the last page of those that follow each other in the file. */
function endOfRun(pages: readonly StoredPage[], from: number): number {
  let bytes = 0;
  let at = from;
  for (let end = pages[from]?.offset; pages[at]?.offset === end && bytes < writeBytesMax; at++) {
    bytes += pages[at]?.bytes.length ?? 0;
    end = (pages[at]?.offset ?? 0) + (pages[at]?.bytes.length ?? 0);
  }
  return at;
}
