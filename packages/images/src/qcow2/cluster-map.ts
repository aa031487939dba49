/** Where the clusters of a disk are: the L1 table and the L2 tables ("Cluster mapping"). */
import type { PageCache } from '../device/page-cache.ts';
import { damage } from './damage.ts';

/** What a part of a disk is: an index of `ClusterRun.kind`. */
export const ClusterKind = {
  /** Stored as it is. */
  Data: 0,
  /** Zeroes, whatever lies below. */
  Zero: 1,
  /** Stored nowhere in this image: what lies below shows. */
  Absent: 2,
  /** Stored in compressed form. */
  Packed: 3,
} as const;

/** A part of a disk that is stored in one way, and in one piece. */
export interface ClusterRun {
  /** One of `ClusterKind`. */
  readonly kind: number;
  /** Where it begins in the file, in bytes: of the data, or of the compressed cluster. 0 for others. */
  readonly host: number;
  /** Bytes of the disk, never 0. */
  readonly length: number;
  /** The most bytes that the compressed cluster has in the file; 0 for others. */
  readonly packedBytes: number;
}

/** What the tables are like. */
export interface ClusterMapParts {
  /** The file with the tables. */
  readonly tables: PageCache;
  /** The size of a cluster, as a power of two. */
  readonly clusterBits: number;
  /** Where the L1 table begins, in bytes. */
  readonly l1Offset: number;
  /** How many entries it has. */
  readonly l1Entries: number;
  /** L2 entries have 16 bytes, with bits for 32 subclusters. */
  readonly isExtended: boolean;
  /** Clusters are in a file of their own, where one may be at byte 0. */
  readonly hasDataFile: boolean;
  /** Version 2 has no clusters of zeroes. */
  readonly hasZeroFlag: boolean;
}

const high = 2 ** 32;
const compressedFlag = 0x4000_0000;
const copiedFlag = 0x8000_0000;

export class ClusterMap {
  /** Where the L1 table begins, in bytes, and how many entries it has: it moves when a disk grows. */
  #l1: { readonly offset: number; readonly entries: number };
  /** In bytes. */
  readonly clusterBytes: number;
  readonly #tables: PageCache;
  readonly #parts: ClusterMapParts;
  readonly #entryBytes: number;
  /** Entries of an L2 table. */
  readonly #l2Entries: number;
  /** Parts of a cluster that have a kind of their own: 1, or 32. */
  readonly #units: number;
  readonly #unitBytes: number;
  /** Bits of the offset in the high word of the entry of a compressed cluster. */
  readonly #packedHighBits: number;
  /** The L1 entry that was used last: the index, and where its L2 table is. */
  #lastL1 = -1;
  #lastTable = 0;
  /** Where the unit that was looked at last is stored. */
  #host = 0;

  constructor(parts: ClusterMapParts) {
    this.#parts = parts;
    this.#l1 = { offset: parts.l1Offset, entries: parts.l1Entries };
    this.#tables = parts.tables;
    this.clusterBytes = 2 ** parts.clusterBits;
    this.#entryBytes = parts.isExtended ? 16 : 8;
    this.#l2Entries = this.clusterBytes / this.#entryBytes;
    this.#units = parts.isExtended ? 32 : 1;
    this.#unitBytes = this.clusterBytes / this.#units;
    this.#packedHighBits = 62 - (parts.clusterBits - 8) - 32;
  }

  /**
   * Where a range is in the file, if all of it is stored there as it is and in one piece, and the tables are in memory; else -1.
   * It makes no objects: this is the path of most reads.
   */
  hostOf(offset: number, length: number): number {
    const clusterBytes = this.clusterBytes;
    const cluster = Math.floor(offset / clusterBytes);
    const within = offset - cluster * clusterBytes;
    if (this.#units !== 1 || within + length > clusterBytes) return -1;
    const place = this.#knownEntryPlace(cluster);
    if (place <= 0) return -1;
    const page = this.#tables.loaded(place);
    if (page === undefined) return -1;
    return this.#unitKind(page, place, 0) === ClusterKind.Data ? this.#host + within : -1;
  }

  /** Tables have been moved: what was found before does not count any more. */
  moved(l1Offset: number, l1Entries: number): void {
    this.#l1 = { offset: l1Offset, entries: l1Entries };
    this.#lastL1 = -1;
  }

  /**
   * The first run of a range, `length` bytes of it at most. It ends where the page of the table ends, too.
   *
   * @throws CommandError `EIO` when the tables are damaged there.
   */
  locate(offset: number, length: number): ClusterRun | Promise<ClusterRun> {
    const place = this.#entryPlace(Math.floor(offset / this.clusterBytes));
    if (typeof place !== 'number') return place.then((found) => this.#runAt(found, offset, length));
    return this.#runAt(place, offset, length);
  }

  #runAt(place: number, offset: number, length: number): ClusterRun | Promise<ClusterRun> {
    if (place === 0) return this.#withoutTable(offset, length);
    const page = this.#tables.page(place);
    if (page instanceof Promise) return page.then((view) => this.#run(view, place, offset, length));
    return this.#run(page, place, offset, length);
  }

  /** Where the L2 entry of a cluster is in the file; 0 when there is no L2 table. */
  #entryPlace(cluster: number): number | Promise<number> {
    const known = this.#knownEntryPlace(cluster);
    if (known >= 0) return known;
    const page = this.#tables.page(this.#l1Place(cluster));
    if (page instanceof Promise) return page.then((view) => this.#entryPlaceIn(view, cluster));
    return this.#entryPlaceIn(page, cluster);
  }

  /** The same, if it is known without reading; else -1. */
  #knownEntryPlace(cluster: number): number {
    const index = Math.floor(cluster / this.#l2Entries);
    if (index === this.#lastL1) return this.#withinTable(this.#lastTable, cluster);
    if (index >= this.#l1.entries) return 0;
    const page = this.#tables.loaded(this.#l1Place(cluster));
    return page === undefined ? -1 : this.#entryPlaceIn(page, cluster);
  }

  #entryPlaceIn(page: DataView, cluster: number): number {
    const index = Math.floor(cluster / this.#l2Entries);
    return this.#withinTable(this.#tableOf(page, this.#l1Place(cluster), index), cluster);
  }

  /** Where the L1 entry of a cluster is. */
  #l1Place(cluster: number): number {
    return this.#l1.offset + 8 * Math.floor(cluster / this.#l2Entries);
  }

  #withinTable(table: number, cluster: number): number {
    return table === 0 ? 0 : table + (cluster % this.#l2Entries) * this.#entryBytes;
  }

  #tableOf(page: DataView, place: number, index: number): number {
    const at = this.#tables.within(place);
    const low = page.getUint32(at + 4) & ~511;
    const table = (page.getUint32(at) & 0x00ff_ffff) * high + (low >>> 0);
    if (table % this.clusterBytes !== 0) {
      throw damage(`the L1 entry at byte ${place}`, `its L2 table at byte ${table} is not at the start of a cluster`);
    }
    this.#lastL1 = index;
    this.#lastTable = table;
    return table;
  }

  /** Nothing is stored up to the end of what the L2 table would cover, and further while there are no tables. */
  #withoutTable(offset: number, length: number): ClusterRun {
    const covered = this.#l2Entries * this.clusterBytes;
    let end = (Math.floor(offset / covered) + 1) * covered;
    while (end < offset + length && this.#knownEntryPlace(Math.floor(end / this.clusterBytes)) === 0) end += covered;
    return { kind: ClusterKind.Absent, host: 0, length: Math.min(length, end - offset), packedBytes: 0 };
  }

  #run(page: DataView, first: number, offset: number, length: number): ClusterRun {
    let place = first;
    let unit = Math.floor((offset % this.clusterBytes) / this.#unitBytes);
    const skip = offset % this.#unitBytes;
    const kind = this.#unitKind(page, place, unit);
    if (kind === ClusterKind.Packed) return this.#packed(page, place, offset, length);
    const host = kind === ClusterKind.Data ? this.#host + skip : 0;
    const left = this.#tables.entriesFrom(first, this.#entryBytes);
    const index = (Math.floor(offset / this.clusterBytes) % this.#l2Entries) + left;
    // Neighbours in the same page and the same table, as long as they continue the run.
    let more = (Math.min(index, this.#l2Entries) - (index - left)) * this.#units - unit - 1;
    let bytes = this.#unitBytes - skip;
    for (; bytes < length && more > 0; more--) {
      unit++;
      if (unit === this.#units) {
        unit = 0;
        place += this.#entryBytes;
      }
      if (this.#unitKind(page, place, unit) !== kind) break;
      if (kind === ClusterKind.Data && this.#host !== host + bytes) break;
      bytes += this.#unitBytes;
    }
    return { kind, host, length: Math.min(bytes, length), packedBytes: 0 };
  }

  #packed(page: DataView, place: number, offset: number, length: number): ClusterRun {
    const at = this.#tables.within(place);
    const bits = this.#packedHighBits;
    const word = page.getUint32(at) & 0x3fff_ffff;
    const host = (word & ((1 << bits) - 1)) * high + page.getUint32(at + 4);
    const left = this.clusterBytes - (offset % this.clusterBytes);
    const packedBytes = ((word >>> bits) + 1) * 512 - (host % 512);
    return { kind: ClusterKind.Packed, host, length: Math.min(left, length), packedBytes };
  }

  /** The kind of a unit; `#host` is then where it is stored. */
  #unitKind(page: DataView, place: number, unit: number): number {
    const at = this.#tables.within(place);
    const top = page.getUint32(at);
    if ((top & compressedFlag) !== 0) {
      if (this.#parts.hasDataFile)
        throw this.#damage(place, 'it is compressed, and the data are in a file of their own');
      return ClusterKind.Packed;
    }
    const low = page.getUint32(at + 4);
    const cluster = (top & 0x00ff_ffff) * high + ((low & ~511) >>> 0);
    const isStored = cluster !== 0 || (this.#parts.hasDataFile && (top & copiedFlag) !== 0);
    let kind: number;
    if (this.#units !== 1) kind = this.#subclusterKind(page, place, unit);
    else if ((low & 1) !== 0) {
      if (!this.#parts.hasZeroFlag)
        throw this.#damage(place, 'it is a cluster of zeroes, which version 2 does not have');
      kind = ClusterKind.Zero;
    } else kind = isStored ? ClusterKind.Data : ClusterKind.Absent;
    if (kind !== ClusterKind.Data) return kind;
    if (!isStored) throw this.#damage(place, 'a subcluster is stored, and the cluster is not');
    if (cluster % this.clusterBytes !== 0) {
      throw this.#damage(place, `its data at byte ${cluster} are not at the start of a cluster`);
    }
    this.#host = cluster + unit * this.#unitBytes;
    return kind;
  }

  #subclusterKind(page: DataView, place: number, unit: number): number {
    const at = this.#tables.within(place);
    const isZero = (page.getUint32(at + 8) >>> unit) & 1;
    const isStored = (page.getUint32(at + 12) >>> unit) & 1;
    if (isZero + isStored === 2) throw this.#damage(place, `subcluster ${unit} is both stored and zero`);
    if (isZero === 1) return ClusterKind.Zero;
    return isStored === 1 ? ClusterKind.Data : ClusterKind.Absent;
  }

  #damage(place: number, message: string): Error {
    return damage(`the L2 entry at byte ${place}`, message);
  }
}
