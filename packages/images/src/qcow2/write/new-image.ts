/** An image that is written from its first cluster to its last. It becomes one only when its header is written, in the end. */
import { CommandError } from '@nbdjs/interfaces';
import type { WritableFile } from '../../device/writable-file.ts';
import { type EntryFormat, encodeEntry } from '../cluster-entry.ts';
import { encodeQcow2Header } from '../header.ts';
import { refcountTableBytesMax } from '../limits.ts';
import { type RefcountBits, refcountBits } from '../refcount-bits.ts';
import { headerOf, layoutOf, type ShapeSettings } from './image-shape.ts';
import { OutputBuffer } from './output-buffer.ts';

const ownFlag = 2n ** 63n;
const packedFlag = 2n ** 62n;

export class NewImage {
  readonly #file: WritableFile;
  readonly #shape: ShapeSettings;
  readonly #format: EntryFormat;
  readonly #clusterBytes: number;
  readonly #bits: RefcountBits;
  readonly #output: OutputBuffer;
  readonly #l1: DataView;
  /** Refcounts of all clusters up to `#next`. */
  #refcounts = new Uint32Array(1024);
  /** The first cluster that is not in use. */
  #next = 0;
  /** Where the next compressed cluster begins, in bytes; up to `#packedEnd`, the file is its own. */
  #packedAt = 0;
  #packedEnd = 0;
  /** The L2 table that is being filled. */
  #table: DataView | undefined;
  #tableIndex = -1;

  constructor(file: WritableFile, shape: ShapeSettings) {
    const { clusterBytes, extendedL2, version } = shape;
    this.#file = file;
    this.#shape = shape;
    this.#clusterBytes = clusterBytes;
    this.#format = {
      clusterBits: Math.log2(clusterBytes),
      isExtended: extendedL2,
      hasDataFile: false,
      hasZeroFlag: version !== '2',
    };
    this.#bits = refcountBits(Math.log2(shape.refcountBits));
    this.#l1 = new DataView(new ArrayBuffer(layoutOf(shape).l1Count * clusterBytes));
    this.#output = new OutputBuffer(file);
  }

  /** Room for the header and the L1 table. */
  async begin(): Promise<void> {
    this.#allocate(1 + this.#l1.byteLength / this.#clusterBytes);
  }

  /** A cluster as it is. Clusters have to come in ascending order. */
  async addData(index: number, bytes: Uint8Array): Promise<void> {
    const host = this.#allocate(1) * this.#clusterBytes;
    await this.#output.write(host, bytes);
    const stored = this.#format.isExtended ? 0xffff_ffff : 1;
    await this.#setEntry(index, (view, at) =>
      encodeEntry(view, at, { host, isOwn: true, packedBytes: 0, stored, zero: 0 }, this.#format),
    );
  }

  /** A cluster of zeroes, where something else would show. */
  async addZero(index: number): Promise<void> {
    if (!this.#format.hasZeroFlag) return this.addData(index, new Uint8Array(this.#clusterBytes));
    const zero = this.#format.isExtended ? 0xffff_ffff : 1;
    await this.#setEntry(index, (view, at) =>
      encodeEntry(view, at, { host: -1, isOwn: false, packedBytes: 0, stored: 0, zero }, this.#format),
    );
  }

  /** A compressed cluster. These follow each other byte by byte, and share clusters of the file. */
  async addPacked(index: number, packed: Uint8Array): Promise<void> {
    const host = this.#placePacked(packed.length);
    await this.#output.write(host, packed);
    const sectors = Math.floor((host + packed.length - 1) / 512) - Math.floor(host / 512);
    const shift = BigInt(62 - (this.#format.clusterBits - 8));
    const entry = packedFlag | (BigInt(sectors) << shift) | BigInt(host);
    await this.#setEntry(index, (view, at) => view.setBigUint64(at, entry));
  }

  /** The rest of the tables, and then the header. `isFlushed`: on stable storage. */
  async end(isFlushed: boolean): Promise<void> {
    await this.#storeTable();
    await this.#output.write(this.#clusterBytes, new Uint8Array(this.#l1.buffer));
    const table = await this.#writeRefcounts();
    await this.#output.end();
    const length = this.#next * this.#clusterBytes;
    await this.#file.require(length);
    if (isFlushed) await this.#file.flush();
    const l1First = 1;
    const header = encodeQcow2Header(headerOf(this.#shape, { ...table, l1First }));
    const first = new Uint8Array(this.#clusterBytes);
    first.set(header);
    await this.#file.write(0, first);
    if (isFlushed) await this.#file.flush();
    await this.#file.device.resizing?.resize(length);
  }

  #allocate(count: number): number {
    const first = this.#next;
    this.#next += count;
    if (this.#next > this.#refcounts.length) {
      const longer = new Uint32Array(Math.max(this.#next, 2 * this.#refcounts.length));
      longer.set(this.#refcounts);
      this.#refcounts = longer;
    }
    this.#refcounts.fill(1, first, this.#next);
    return first;
  }

  /** Behind the last one, if the clusters there can be shared, and there is room, or room behind them. */
  #placePacked(length: number): number {
    const bytes = this.#clusterBytes;
    const missing = this.#packedAt + length - this.#packedEnd;
    const shared = Math.floor(this.#packedAt / bytes);
    const isWithin = this.#packedAt < this.#packedEnd;
    const canShare = isWithin && (this.#refcounts[shared] as number) < this.#bits.max;
    const canGrow = missing <= 0 || this.#packedEnd === this.#next * bytes;
    if (!canShare || !canGrow) {
      const first = this.#allocate(Math.ceil(length / bytes));
      this.#packedAt = first * bytes;
      this.#packedEnd = this.#next * bytes;
    } else {
      this.#refcounts[shared] = (this.#refcounts[shared] as number) + 1;
      if (missing > 0) {
        this.#allocate(Math.ceil(missing / bytes));
        this.#packedEnd = this.#next * bytes;
      }
    }
    const host = this.#packedAt;
    this.#packedAt += length;
    return host;
  }

  async #setEntry(index: number, encode: (view: DataView, at: number) => void): Promise<void> {
    const entryBytes = this.#format.isExtended ? 16 : 8;
    const perTable = this.#clusterBytes / entryBytes;
    const table = Math.floor(index / perTable);
    if (table !== this.#tableIndex) {
      await this.#storeTable();
      this.#table = new DataView(new ArrayBuffer(this.#clusterBytes));
      this.#tableIndex = table;
    }
    encode(this.#table as DataView, (index % perTable) * entryBytes);
  }

  async #storeTable(): Promise<void> {
    if (this.#table === undefined) return;
    const offset = this.#allocate(1) * this.#clusterBytes;
    await this.#output.write(offset, new Uint8Array(this.#table.buffer));
    this.#l1.setBigUint64(8 * this.#tableIndex, BigInt(offset) | ownFlag);
    this.#table = undefined;
  }

  /** Blocks and table come behind everything else, and count themselves. */
  async #writeRefcounts(): Promise<{ readonly tableFirst: number; readonly tableCount: number }> {
    const bytes = this.#clusterBytes;
    const perBlock = (bytes * 8) / this.#bits.bits;
    let blockCount = 1;
    let tableCount: number;
    for (;;) {
      tableCount = Math.ceil((8 * blockCount) / bytes);
      const needed = Math.ceil((this.#next + blockCount + tableCount) / perBlock);
      if (needed <= blockCount) break;
      blockCount = needed;
    }
    if (tableCount * bytes > refcountTableBytesMax) {
      throw new CommandError('ENOSPC', `the refcount table would need more than ${refcountTableBytesMax} bytes`);
    }
    const blockFirst = this.#allocate(blockCount);
    const tableFirst = this.#allocate(tableCount);
    const table = new DataView(new ArrayBuffer(tableCount * bytes));
    for (let index = 0; index < blockCount; index++) {
      const block = new DataView(new ArrayBuffer(bytes));
      const end = Math.min(this.#next, (index + 1) * perBlock);
      for (let cluster = index * perBlock; cluster < end; cluster++) {
        this.#bits.set(block, cluster % perBlock, this.#refcounts[cluster] as number);
      }
      const offset = (blockFirst + index) * bytes;
      await this.#output.write(offset, new Uint8Array(block.buffer));
      table.setBigUint64(8 * index, BigInt(offset));
    }
    await this.#output.write(tableFirst * bytes, new Uint8Array(table.buffer));
    return { tableFirst, tableCount };
  }
}
