/** Summaries of block maps: a device, or a part of one, as a bounded number of cells. */
import type { Extent, Offset } from '@nbdjs/interfaces';
import { clipExtents } from './clip-extents.ts';

/** Which part of a device is summarised, and into how many cells. */
export interface ExtentCellsOptions {
  /** First byte. */
  readonly offset: Offset;
  /** How many bytes. */
  readonly length: Offset;
  /** Cells at most. Each is a power of two bytes long, 512 at least; the last one may be shorter. */
  readonly cellsMax: number;
}

/** How much of the part has one status. */
export interface StatusTotal {
  /** The status; `undefined` for all statuses that came after the first 32. */
  readonly status: bigint | undefined;
  /** Bytes with it. */
  readonly bytes: bigint;
  /** Extents with it, neighbours of equal status counted as one. */
  readonly extents: number;
}

/** A device makes its statuses up, and each takes memory for all cells. */
const statusesMax = 32;

const cellBytesMin = 512n;

/** What is known about one status. */
interface StatusRow {
  readonly status: bigint | undefined;
  readonly cells: Float64Array;
  bytes: bigint;
  extents: number;
}

/**
 * How many bytes of each cell have which status. Extents are added as they come, and nothing of them is kept, so that maps of any length
 * take the same memory: 8 bytes for each cell and status, for 33 statuses at most.
 */
export class ExtentCells {
  /** First byte. */
  readonly offset: bigint;
  /** Length of the part, in bytes. */
  readonly length: bigint;
  /** Length of a cell, in bytes. */
  readonly cellBytes: bigint;
  /** How many cells there are; 0 for a part of no bytes. */
  readonly count: number;
  readonly #rows = new Map<bigint | undefined, StatusRow>();
  #last: StatusRow | undefined;

  constructor({ offset, length, cellsMax }: ExtentCellsOptions) {
    this.offset = BigInt(offset);
    this.length = BigInt(length);
    let cellBytes = cellBytesMin;
    while (cellBytes * BigInt(cellsMax) < this.length) cellBytes *= 2n;
    this.cellBytes = cellBytes;
    this.count = Number((this.length + cellBytes - 1n) / cellBytes);
  }

  /** Adds extents, which ascend. No byte may be added twice; what lies outside of the part is left out. */
  add(extents: readonly Extent[]): void {
    for (const { offset, length, status } of clipExtents(extents, this.offset, this.offset + this.length)) {
      const row = this.#rowOf(status);
      row.bytes += length;
      if (row !== this.#last || row.status !== status) row.extents++;
      this.#last = row;
      this.#fill(row.cells, offset - this.offset, length);
    }
  }

  /** The totals of each status, in ascending order. */
  get totals(): readonly StatusTotal[] {
    return [...this.#rows.values()]
      .sort((one, other) => compareStatuses(one.status, other.status))
      .map(({ status, bytes, extents }) => ({ status, bytes, extents }));
  }

  /** Returns how many bytes of a cell have a status; above 2^53 it is the nearest number. */
  bytesOf(cell: number, status: bigint | undefined): number {
    return this.#rows.get(status)?.cells[cell] ?? 0;
  }

  /** Returns where a cell begins, and its length, in bytes. */
  rangeOf(cell: number): { readonly offset: bigint; readonly length: bigint } {
    const start = BigInt(cell) * this.cellBytes;
    const left = this.length - start;
    return { offset: this.offset + start, length: left < this.cellBytes ? left : this.cellBytes };
  }

  #rowOf(status: bigint): StatusRow {
    const known = this.#rows.get(status);
    if (known !== undefined) return known;
    const key = this.#rows.size < statusesMax ? status : undefined;
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { status: key, cells: new Float64Array(this.count), bytes: 0n, extents: 0 };
      this.#rows.set(key, row);
    }
    return row;
  }

  /** Only few extents of a long map are longer than a cell, so that most take one step. */
  #fill(cells: Float64Array, start: bigint, length: bigint): void {
    const size = Number(this.cellBytes);
    const first = Number(start / this.cellBytes);
    // Positions count from the start of the first cell, so that they are exact however far it is from the start of the device.
    let from = Number(start % this.cellBytes);
    let left = Number(length);
    for (let cell = first; left > 0 && cell < this.count; cell++) {
      const bytes = Math.min(left, size - from);
      cells[cell] = (cells[cell] ?? 0) + bytes;
      left -= bytes;
      from = 0;
    }
  }
}

function compareStatuses(one: bigint | undefined, other: bigint | undefined): number {
  if (one === other) return 0;
  return other === undefined || (one !== undefined && one < other) ? -1 : 1;
}
