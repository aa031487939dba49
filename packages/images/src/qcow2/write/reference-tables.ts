/** The L1 table and the L2 tables of an image that is being changed. */
import { Semaphore } from '@nbdjs/kit';
import { absentEntry, type ClusterEntry, decodeEntry, type EntryFormat, encodeEntry } from '../cluster-entry.ts';
import { damage } from '../damage.ts';
import { offsetMask } from '../table-entry.ts';
import type { Allocator } from './allocator.ts';
import { PendingHeaderChange } from './header-fields.ts';
import { Stage, type TablePages } from './table-pages.ts';

/** What the tables need. */
export interface ReferenceTablesParts {
  readonly pages: TablePages;
  readonly allocator: Allocator;
  readonly format: EntryFormat;
  /** Where the L1 table begins, in bytes. */
  readonly l1Offset: number;
  /** How many entries it has. */
  readonly l1Entries: number;
  /** Called when a table is at another place than before. */
  readonly onMove: () => void;
}

const ownFlag = 2n ** 63n;

export class ReferenceTables {
  readonly format: EntryFormat;
  readonly clusterBytes: number;
  /** Entries of an L2 table. */
  readonly perTable: number;
  /** What belongs to the tables. */
  readonly headerChange = new PendingHeaderChange();
  readonly #parts: ReferenceTablesParts;
  readonly #entryBytes: number;
  /** Tables are made one after the other. */
  readonly #making = new Semaphore(1);
  #l1Offset: number;
  #l1Entries: number;

  constructor(parts: ReferenceTablesParts) {
    this.#parts = parts;
    this.format = parts.format;
    this.clusterBytes = 2 ** parts.format.clusterBits;
    this.#entryBytes = parts.format.isExtended ? 16 : 8;
    this.perTable = this.clusterBytes / this.#entryBytes;
    this.#l1Offset = parts.l1Offset;
    this.#l1Entries = parts.l1Entries;
  }

  /** Where the L1 table begins, in bytes. */
  get l1Offset(): number {
    return this.#l1Offset;
  }

  /** How many entries the L1 table has. */
  get l1Entries(): number {
    return this.#l1Entries;
  }

  /** Makes the L1 table longer, at another place. Like other changes, it is kept in memory, and stored with them. */
  growL1(entries: number): Promise<void> {
    return this.#making.run(async () => {
      if (entries <= this.#l1Entries) return;
      const { pages, allocator } = this.#parts;
      const count = Math.ceil((8 * entries) / this.clusterBytes);
      const old = { offset: this.#l1Offset, bytes: 8 * this.#l1Entries };
      const { first } = await allocator.allocateWhole(count);
      const offset = first * this.clusterBytes;
      pages.create(offset, count * this.clusterBytes, Stage.NewTables);
      await this.#copyTable(old.offset, offset, old.bytes);
      this.#l1Offset = offset;
      this.#l1Entries = entries;
      this.headerChange.set({ l1Offset: BigInt(offset), l1Entries: BigInt(entries) });
      this.#parts.onMove();
      const oldCount = Math.ceil(old.bytes / this.clusterBytes);
      if (oldCount > 0) allocator.release({ first: old.offset / this.clusterBytes, count: oldCount });
    });
  }

  /** What the tables say of a cluster of the disk. */
  async entry(cluster: number): Promise<ClusterEntry> {
    const [first = absentEntry] = await this.entries(cluster, 1);
    return first;
  }

  /** The same of clusters one behind the other: as many of them as are in one page, at least one. */
  async entries(cluster: number, countMax: number): Promise<readonly ClusterEntry[]> {
    const { pages } = this.#parts;
    const { table } = await this.#l1Entry(Math.floor(cluster / this.perTable));
    const index = cluster % this.perTable;
    const count = Math.min(countMax, this.perTable - index);
    if (table === 0) return new Array<ClusterEntry>(count).fill(absentEntry);
    const place = table + index * this.#entryBytes;
    const inPage = Math.min(count, pages.entriesFrom(place, this.#entryBytes));
    return pages.visit(place, (view) => {
      const at = pages.within(place);
      return Array.from({ length: inPage }, (_, next) => {
        const skip = next * this.#entryBytes;
        return decodeEntry(view, at + skip, this.format, place + skip);
      });
    });
  }

  /**
   * Changes what the tables say of a cluster of the disk. It is kept in memory, and stored with all other changes.
   *
   * @throws CommandError `ENOSPC` when a table is needed for it, and there is no room.
   */
  async change(cluster: number, entry: ClusterEntry): Promise<void> {
    const { pages } = this.#parts;
    const table = await this.#ownTable(Math.floor(cluster / this.perTable));
    const place = table + (cluster % this.perTable) * this.#entryBytes;
    await pages.visit(place, (view) => {
      encodeEntry(view, pages.within(place), entry, this.format);
      pages.touch(place, view, Stage.References);
    });
  }

  /** Makes sure that there is a table for a cluster that can be changed, so that a later change of its entry cannot fail for lack of room. */
  async prepare(cluster: number): Promise<void> {
    await this.#ownTable(Math.floor(cluster / this.perTable));
  }

  async #l1Entry(index: number): Promise<{ readonly table: number; readonly isOwn: boolean }> {
    if (index >= this.#l1Entries) return { table: 0, isOwn: false };
    const { pages } = this.#parts;
    const place = this.#l1Offset + 8 * index;
    const entry = await pages.visit(place, (view) => view.getBigUint64(pages.within(place)));
    const table = Number(entry & offsetMask);
    if (table % this.clusterBytes !== 0) {
      throw damage(`the L1 entry at byte ${place}`, `its L2 table at byte ${table} is not at the start of a cluster`);
    }
    return { table, isOwn: (entry & ownFlag) !== 0n };
  }

  /** An L2 table to which nothing else refers: the present one, a copy of it, or a new one. */
  async #ownTable(index: number): Promise<number> {
    const present = await this.#l1Entry(index);
    if (present.table !== 0 && present.isOwn) return present.table;
    return this.#making.run(() => this.#makeTable(index));
  }

  async #makeTable(index: number): Promise<number> {
    const { pages, allocator } = this.#parts;
    const present = await this.#l1Entry(index);
    if (present.table !== 0 && present.isOwn) return present.table;
    const { first } = await allocator.allocate(1);
    const table = first * this.clusterBytes;
    pages.create(table, this.clusterBytes, Stage.NewTables);
    if (present.table !== 0) {
      try {
        await this.#copyTable(present.table, table, this.clusterBytes);
      } catch (error) {
        await allocator.undo({ first, count: 1 });
        throw error;
      }
    }
    const place = this.#l1Offset + 8 * index;
    await pages.visit(place, (view) => {
      view.setBigUint64(pages.within(place), BigInt(table) | ownFlag);
      pages.touch(place, view, Stage.References);
    });
    this.#parts.onMove();
    if (present.table !== 0) allocator.release({ first: present.table / this.clusterBytes, count: 1 });
    return table;
  }

  /** The new table cannot be given up while it is copied: its pages have to be stored. */
  async #copyTable(from: number, to: number, length: number): Promise<void> {
    const { pages } = this.#parts;
    for (let at = 0; at < length; at += pages.pageBytes) {
      const copy = await pages.visit(from + at, (view) => new Uint8Array(view.buffer.slice(0)));
      await pages.visit(to + at, (view) => {
        new Uint8Array(view.buffer).set(copy);
        pages.touch(to + at, view, Stage.NewTables);
      });
    }
  }
}
