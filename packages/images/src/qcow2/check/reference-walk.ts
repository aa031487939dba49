/** Walks all references of an image, and hands each span of clusters to a counter. */
import { type FileBytes, readStructure } from '../../device/image-file.ts';
import { type ClusterEntry, decodeEntry, type EntryFormat } from '../cluster-entry.ts';
import type { Qcow2Header } from '../header.ts';
import { offsetMask } from '../table-entry.ts';
import type { ImageReferences } from './image-references.ts';

/** An entry of the disk as it is now: its clusters have to be marked as its own, or not. */
export interface ActiveEntry {
  /** Where the entry is in the file, in bytes. */
  readonly place: number;
  /** `L1`: it refers to an L2 table. */
  readonly table: 'L1' | 'L2';
  /** The cluster of the file that it refers to. */
  readonly cluster: number;
  readonly isOwn: boolean;
}

/** What the walk finds. */
export interface WalkListener {
  /** Clusters of the file are used `times` times. */
  use(first: number, last: number, times: number): void;
  /** A reference that makes no sense. */
  damaged(place: string, message: string): void;
  /** A reference of the disk as it is now. */
  active?(entry: ActiveEntry): void;
  /** A cluster of the disk as it is now that is stored. */
  stored?(entry: ClusterEntry): void;
  /** A table, or a part of one, is at its end. */
  tableEnds?(): void | Promise<void>;
}

/** L1 tables and tables of bitmaps are read in pieces of so many bytes. */
const pieceBytes = 2 ** 20;
const ownFlag = 2n ** 63n;

export class ReferenceWalk {
  readonly #file: FileBytes;
  readonly #format: EntryFormat;
  readonly #clusterBytes: number;
  readonly #references: ImageReferences;
  readonly #blocks: readonly number[];
  readonly #signal: AbortSignal | undefined;

  constructor(
    file: FileBytes,
    header: Qcow2Header,
    format: EntryFormat,
    references: ImageReferences,
    blocks: readonly number[],
    signal: AbortSignal | undefined,
  ) {
    this.#file = file;
    this.#format = format;
    this.#clusterBytes = 2 ** header.clusterBits;
    this.#references = references;
    this.#blocks = blocks;
    this.#signal = signal;
  }

  /** `withRefcounts`: the refcount table and its blocks, too, which a repair may replace. */
  async run(listener: WalkListener, withRefcounts: boolean): Promise<void> {
    for (const { offset, bytes, what, isRefcounts } of this.#references.spans) {
      if (withRefcounts || isRefcounts !== true) this.#use(listener, what, offset, bytes, 1);
    }
    if (withRefcounts) {
      for (const block of this.#blocks)
        if (block !== 0) this.#use(listener, 'the refcount table', block, this.#clusterBytes, 1);
    }
    for (const [offset, { times, isActive }] of await this.#l2Tables(listener)) {
      await this.#walkL2(listener, offset, times, isActive);
      await listener.tableEnds?.();
    }
    for (const { name, table } of this.#references.bitmaps) {
      await this.#eachEntry(table.offset, table.entries, (entry, place) => {
        const offset = Number(entry & offsetMask);
        if (offset !== 0) this.#use(listener, `bitmap '${name}' at byte ${place}`, offset, this.#clusterBytes, 1);
      });
    }
  }

  /** All L2 tables, each once. */
  async #l2Tables(listener: WalkListener): Promise<ReadonlyMap<number, { times: number; isActive: boolean }>> {
    const tables = new Map<number, { times: number; isActive: boolean }>();
    for (const { offset, entries, times, isActive, what } of this.#references.l1Tables) {
      if (!this.#use(listener, what, offset, 8 * entries, times)) continue;
      await this.#eachEntry(offset, entries, (entry, place) => {
        const table = Number(entry & offsetMask);
        if (table === 0) return;
        if (!this.#use(listener, `the L1 entry at byte ${place}`, table, this.#clusterBytes, times)) return;
        const known = tables.get(table);
        if (known === undefined) tables.set(table, { times, isActive });
        else {
          known.times += times;
          known.isActive ||= isActive;
        }
        if (isActive) {
          listener.active?.({
            place,
            table: 'L1',
            cluster: table / this.#clusterBytes,
            isOwn: (entry & ownFlag) !== 0n,
          });
        }
      });
      await listener.tableEnds?.();
    }
    return tables;
  }

  async #walkL2(listener: WalkListener, offset: number, times: number, isActive: boolean): Promise<void> {
    this.#signal?.throwIfAborted();
    const bytes = new Uint8Array(this.#clusterBytes);
    await this.#file.read(offset, bytes.subarray(0, Math.min(bytes.length, this.#file.size - offset)), this.#signal);
    const view = new DataView(bytes.buffer);
    const entryBytes = this.#format.isExtended ? 16 : 8;
    for (let at = 0; at < bytes.length; at += entryBytes) {
      const place = offset + at;
      let entry: ClusterEntry;
      try {
        entry = decodeEntry(view, at, this.#format, place);
      } catch (error) {
        listener.damaged(`the L2 entry at byte ${place}`, error instanceof Error ? error.message : String(error));
        continue;
      }
      if (entry.host < 0) continue;
      if (isActive) listener.stored?.(entry);
      if (this.#references.hasDataFile) continue;
      const isPacked = entry.packedBytes > 0;
      // The length of a compressed cluster is known by sectors only; the file may end within the last one.
      const length = isPacked
        ? Math.max(1, Math.min(entry.packedBytes, this.#file.size - entry.host))
        : this.#clusterBytes;
      const isGood = this.#use(
        listener,
        `the L2 entry at byte ${place}`,
        entry.host,
        length,
        times,
        isPacked ? 1 : undefined,
      );
      if (isGood && isActive && !isPacked) {
        listener.active?.({ place, table: 'L2', cluster: entry.host / this.#clusterBytes, isOwn: entry.isOwn });
      }
    }
  }

  async #eachEntry(offset: number, entries: number, visit: (entry: bigint, place: number) => void): Promise<void> {
    for (let at = 0; at < 8 * entries; at += pieceBytes) {
      const bytes = await readStructure(
        this.#file,
        `the table at byte ${offset}`,
        offset + at,
        Math.min(pieceBytes, 8 * entries - at),
        this.#signal,
      );
      const view = new DataView(bytes.buffer);
      for (let within = 0; within < bytes.length; within += 8) visit(view.getBigUint64(within), offset + at + within);
    }
  }

  /** Returns whether the span makes sense. `unit`: what its offset has to be a multiple of, in bytes. */
  #use(
    listener: WalkListener,
    what: string,
    offset: number,
    bytes: number,
    times: number,
    unit: number = this.#clusterBytes,
  ): boolean {
    if (bytes === 0) return true;
    const clusterBytes = this.#clusterBytes;
    if (offset % unit !== 0) {
      listener.damaged(what, `byte ${offset} is not at the start of a cluster`);
      return false;
    }
    if (offset >= this.#file.size) {
      listener.damaged(what, `byte ${offset} is past the end of the file at ${this.#file.size}`);
      return false;
    }
    listener.use(Math.floor(offset / clusterBytes), Math.floor((offset + bytes - 1) / clusterBytes), times);
    return true;
  }
}
