/** How often each cluster of the file is used: the refcount table and its blocks ("Host cluster management"). */
import { CommandError } from '@nbdjs/interfaces';
import type { WritableFile } from '../../device/writable-file.ts';
import { damagedImage } from '../../image-errors.ts';
import { damage } from '../damage.ts';
import type { Qcow2Header } from '../header.ts';
import { refcountTableBytesMax } from '../limits.ts';
import { type RefcountBits, refcountBits } from '../refcount-bits.ts';
import { type OnDamagedEntry, readRefcountTable } from '../refcount-table.ts';
import { PendingHeaderChange } from './header-fields.ts';
import { Stage, type TablePages } from './table-pages.ts';

/** Clusters of the file, one behind the other. */
export interface ClusterSpan {
  readonly first: number;
  readonly count: number;
}

/** What the refcounts need. */
export interface RefcountsParts {
  readonly file: WritableFile;
  readonly pages: TablePages;
  readonly clusterBytes: number;
  readonly bits: RefcountBits;
  /** Where each block begins, in bytes; 0: there is none, and its clusters are free. */
  readonly blocks: readonly number[];
  readonly tableOffset: number;
  readonly tableClusters: number;
}

export class Refcounts {
  /** How many clusters a block has. */
  readonly perBlock: number;
  readonly bits: RefcountBits;
  /** What belongs to the stage of the refcount table. */
  readonly headerChange = new PendingHeaderChange();
  readonly #file: WritableFile;
  readonly #pages: TablePages;
  readonly #clusterBytes: number;
  readonly #blocks: number[];
  readonly #blockOffsets: Set<number>;
  readonly #perPage: number;
  #tableOffset: number;
  #tableClusters: number;

  constructor(parts: RefcountsParts) {
    this.#file = parts.file;
    this.#pages = parts.pages;
    this.#clusterBytes = parts.clusterBytes;
    this.bits = parts.bits;
    this.#blocks = [...parts.blocks];
    this.#blockOffsets = new Set(parts.blocks);
    this.#blockOffsets.delete(0);
    this.#tableOffset = parts.tableOffset;
    this.#tableClusters = parts.tableClusters;
    this.perBlock = (parts.clusterBytes * 8) / parts.bits.bits;
    this.#perPage = (parts.pages.pageBytes * 8) / parts.bits.bits;
  }

  /** @throws UsageError `ERR_NBD_IMAGE` when the table is damaged, unless `onDamage` is told of single entries. */
  static async read(
    file: WritableFile,
    pages: TablePages,
    header: Qcow2Header,
    signal?: AbortSignal,
    onDamage?: OnDamagedEntry,
  ): Promise<Refcounts> {
    const blocks = await readRefcountTable(file, header, signal, onDamage);
    const present = blocks.filter((block) => block !== 0);
    if (new Set(present).size < present.length && onDamage === undefined) {
      throw damagedImage('the refcount table', 'two of its blocks are at the same place');
    }
    return new Refcounts({
      file,
      pages,
      clusterBytes: 2 ** header.clusterBits,
      bits: refcountBits(header.refcountOrder),
      blocks,
      tableOffset: Number(header.refcountTableOffset),
      tableClusters: header.refcountTableClusters,
    });
  }

  /** Whether a cluster has refcounts, or is a part of their table. */
  isOwn(cluster: number): boolean {
    const first = this.#tableOffset / this.#clusterBytes;
    if (cluster >= first && cluster < first + this.#tableClusters) return true;
    return this.#blockOffsets.has(cluster * this.#clusterBytes);
  }

  /** Whether there is a block for a cluster. */
  hasBlock(cluster: number): boolean {
    return (this.#blocks[Math.floor(cluster / this.perBlock)] ?? 0) !== 0;
  }

  /** Where the refcount of a cluster is: its page, its number in there, and how many follow in the page. There has to be a block. */
  spotOf(cluster: number): { readonly place: number; readonly index: number; readonly left: number } {
    const block = this.#blocks[Math.floor(cluster / this.perBlock)] ?? 0;
    const within = cluster % this.perBlock;
    const index = within % this.#perPage;
    const place = block + Math.floor(within / this.#perPage) * this.#pages.pageBytes;
    return { place, index, left: Math.min(this.#perPage - index, this.perBlock - within) };
  }

  /** The refcount of a cluster. */
  async get(cluster: number): Promise<number> {
    if (!this.hasBlock(cluster)) return 0;
    const { place, index } = this.spotOf(cluster);
    return this.#pages.visit(place, (view) => this.bits.get(view, index));
  }

  /** Sets the refcount of a cluster that has a block. */
  async set(cluster: number, count: number): Promise<void> {
    const { place, index } = this.spotOf(cluster);
    await this.#pages.visit(place, (view) => {
      this.bits.set(view, index, count);
      this.#pages.touch(place, view, Stage.Refcounts);
    });
  }

  /**
   * Changes a refcount by one, and returns the new one.
   *
   * @throws CommandError `EIO` when the cluster is not in use, by its refcount.
   */
  async change(cluster: number, by: 1 | -1): Promise<number> {
    if (!this.hasBlock(cluster)) throw damage(`cluster ${cluster}`, 'it is in use, and has no refcount');
    const { place, index } = this.spotOf(cluster);
    return this.#pages.visit(place, (view) => {
      const count = this.bits.get(view, index) + by;
      if (count < 0) throw damage(`cluster ${cluster}`, 'it is in use, and its refcount is 0');
      if (count > this.bits.max)
        throw damage(`cluster ${cluster}`, `its refcount is ${count - 1}, and can be no higher`);
      this.bits.set(view, index, count);
      this.#pages.touch(place, view, Stage.Refcounts);
      return count;
    });
  }

  /**
   * Makes the block that a cluster needs, at the start of the range of clusters that it covers: all of these are free.
   *
   * @param requireUnused throws for a cluster that is in use after all, in a damaged image
   * @returns clusters that are not used any more when this is stored: the old table, if it had to grow
   * @throws CommandError `ENOSPC` when the table would be too long, or the file cannot grow.
   */
  async createBlock(cluster: number, requireUnused: (cluster: number) => void): Promise<ClusterSpan | undefined> {
    const index = Math.floor(cluster / this.perBlock);
    if (index >= (this.#tableClusters * this.#clusterBytes) / 8) return this.#growTable(index, requireUnused);
    const first = index * this.perBlock;
    requireUnused(first);
    await this.#file.require((first + 1) * this.#clusterBytes);
    const place = this.#tableOffset + 8 * index;
    return this.#pages.visit(place, (view) => {
      this.#addBlock(index, first, first + 1);
      view.setBigUint64(this.#pages.within(place), BigInt(first * this.#clusterBytes));
      this.#pages.touch(place, view, Stage.RefcountTable);
      return undefined;
    });
  }

  /** A longer table, and the blocks for its own clusters, where the old one ends. */
  async #growTable(index: number, requireUnused: (cluster: number) => void): Promise<ClusterSpan> {
    const clusterBytes = this.#clusterBytes;
    const perCluster = clusterBytes / 8;
    const old = { first: this.#tableOffset / clusterBytes, count: this.#tableClusters };
    let blockCount = 1;
    let tableClusters: number;
    for (;;) {
      tableClusters = Math.max(Math.ceil(old.count * 1.5), Math.ceil((index + blockCount) / perCluster));
      const needed = Math.ceil((blockCount + tableClusters) / this.perBlock);
      if (needed <= blockCount) break;
      blockCount = needed;
    }
    tableClusters = Math.min(tableClusters, refcountTableBytesMax / clusterBytes);
    if (index + blockCount > tableClusters * perCluster) {
      throw new CommandError('ENOSPC', `the refcount table would need more than ${refcountTableBytesMax} bytes`);
    }
    const first = index * this.perBlock;
    const end = first + blockCount + tableClusters;
    for (let used = first; used < end; used++) requireUnused(used);
    await this.#file.require(end * clusterBytes);
    for (let block = 0; block < blockCount; block++) this.#addBlock(index + block, first + block, end);
    this.#tableOffset = (first + blockCount) * clusterBytes;
    this.#tableClusters = tableClusters;
    this.#storeTable();
    this.headerChange.set({
      refcountTableOffset: BigInt(this.#tableOffset),
      refcountTableClusters: BigInt(tableClusters),
    });
    return old;
  }

  /** A block at a cluster, which says that clusters up to `end`, as far as it has them, are used once. */
  #addBlock(index: number, cluster: number, end: number): void {
    const offset = cluster * this.#clusterBytes;
    this.#pages.create(offset, this.#clusterBytes, Stage.Refcounts);
    while (this.#blocks.length < index) this.#blocks.push(0);
    this.#blocks[index] = offset;
    this.#blockOffsets.add(offset);
    this.#file.use(end * this.#clusterBytes);
    const start = index * this.perBlock;
    for (let used = start; used < Math.min(end, start + this.perBlock); used++) {
      const within = used - start;
      const view = this.#pages.loaded(offset + Math.floor(within / this.#perPage) * this.#pages.pageBytes) as DataView;
      this.bits.set(view, within % this.#perPage, 1);
    }
  }

  #storeTable(): void {
    const [start, length] = [this.#tableOffset, this.#tableClusters * this.#clusterBytes];
    this.#pages.create(start, length, Stage.NewTables);
    for (const [index, offset] of this.#blocks.entries()) {
      const place = start + 8 * index;
      const view = this.#pages.loaded(place) as DataView;
      view.setBigUint64(this.#pages.within(place), BigInt(offset));
    }
  }
}
