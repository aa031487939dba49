/** A device in memory. Ranges that were never written, or were trimmed or zeroed, take no memory. */
import {
  type Abilities,
  type Abortable,
  AllocationStatus,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  type DeviceMemory,
  type DeviceResizing,
  type Extent,
  type Geometry,
  limits,
  type MemoryPiece,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
} from '@nbdjs/interfaces';
import { checkInside, defineOptions, Lifetime, type OptionsOf, option, requireGoing } from '@nbdjs/kit';
import { extentsMax, memoryAbilities, readPiece, requireWritable } from './memory-pieces.ts';
import { possibleSize, wholeBytes } from './memory-size.ts';
import { PageTable } from './page-table.ts';

export const memoryDeviceOptions = defineOptions({
  /** In bytes, up to 2^63 - 1. */
  size: option.checked<number | bigint>(wholeBytes, { required: true, doc: 'The size in bytes, up to 2^63 - 1.' }),
  /** Whether the device refuses to be changed. @default false */
  readOnly: option.boolean({ default: false, doc: 'Whether the device refuses to be changed.' }),
});

/** The properties of a device in memory. */
export interface MemoryDeviceOptions extends OptionsOf<typeof memoryDeviceOptions> {}

/** Memory is taken in pages, which are long, so that a long request finds its bytes in one piece. */
const pageBytes = 256 * 1024;
const pageSize = BigInt(pageBytes);
const pageBits = 18n;
/** The parts of a page that are in use are remembered in units of this length. The system gives no memory to what was never touched. */
const unitBytes = 64 * 1024;
const unitsPerPage = pageBytes / unitBytes;
const allUnits = 2 ** unitsPerPage - 1;

interface Page {
  readonly bytes: Uint8Array;
  /** A bit for each unit: whether it holds something. */
  used: number;
}

/**
 * Makes a device of zeroes. It answers synchronously.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createMemoryDevice(options: MemoryDeviceOptions): BlockDevice {
  const { size, readOnly } = memoryDeviceOptions.resolve('createMemoryDevice', options);
  return new MemoryDevice(BigInt(size), readOnly);
}

class MemoryDevice implements BlockDevice, DeviceMemory, DeviceResizing {
  readonly memory: DeviceMemory = this;
  readonly resizing: DeviceResizing = this;
  readonly abilities: Abilities;
  #geometry: Geometry;
  #size: bigint;
  /** The same where it is exact, else something larger than any offset that is a number. */
  #sizeNumber: number;
  /** Pages that hold something, by number: there are fewer than 2^47 of them, so a plain number will do. */
  readonly #pages = new PageTable<Page>();
  readonly #life = new Lifetime();

  constructor(size: bigint, readOnly: boolean) {
    this.#size = possibleSize(size);
    this.#sizeNumber = Number(size);
    this.#geometry = {
      size,
      minimumBlockSize: 1,
      preferredBlockSize: 4096,
      maximumBlockSize: limits.payloadBytesDefault,
    };
    this.abilities = memoryAbilities(readOnly);
  }

  get geometry(): Geometry {
    return this.#geometry;
  }

  resize(size: Offset, options?: Abortable): void {
    requireWritable(this.abilities);
    this.#enter(0, 0, options);
    const next = possibleSize(BigInt(size));
    // What comes back later reads as zeroes.
    if (next < this.#size) this.writeZeroes(next, this.#size - next);
    this.#size = next;
    this.#sizeNumber = Number(next);
    this.#geometry = { ...this.#geometry, size: next };
  }

  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void {
    this.#enter(offset, target.length, options);
    const { length } = target;
    let page = pageOf(offset);
    let from = withinPage(offset);
    for (let position = 0; position < length; ) {
      const byteCount = readPiece(this.#piece(page, from, length - position), target, position, options);
      position += byteCount;
      from += byteCount;
      if (from < pageBytes) continue;
      from = 0;
      page++;
    }
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): void {
    requireWritable(this.abilities);
    this.#enter(offset, source.length, options);
    const { length } = source;
    let page = pageOf(offset);
    let from = withinPage(offset);
    for (let position = 0; position < length; page++) {
      const byteCount = Math.min(pageBytes - from, length - position);
      const bytes = this.#use(page, from, from + byteCount);
      bytes.set(byteCount === length ? source : source.subarray(position, position + byteCount), from);
      position += byteCount;
      from = 0;
    }
  }

  flush(): void {
    this.#life.requireOpen();
  }

  trim(offset: Offset, length: Offset, options?: WriteOptions): void {
    this.writeZeroes(offset, length, options);
  }

  writeZeroes(offset: Offset, length: Offset, options?: WriteOptions): void {
    requireWritable(this.abilities);
    this.#enter(offset, length, options);
    const start = BigInt(offset);
    const end = start + BigInt(length);
    for (const page of this.#pagesWithin(start, end)) {
      const pageStart = BigInt(page) * pageSize;
      const from = Number(max(start, pageStart) - pageStart);
      const to = Number(min(end, pageStart + pageSize) - pageStart);
      this.#release(page, from, to);
    }
  }

  cache(offset: Offset, length: Offset): void {
    this.#enter(offset, length, undefined);
  }

  blockStatus(offset: Offset, length: Offset, options: BlockStatusOptions = {}): readonly MetaContextExtents[] {
    this.#enter(offset, length, options);
    if (options.contexts !== undefined && !options.contexts.includes(baseAllocation)) return [];
    if (BigInt(length) === 0n) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    const start = BigInt(offset);
    const extents = this.#extents(start, start + BigInt(length), options.one === true ? 1 : extentsMax);
    return [{ context: baseAllocation, extents }];
  }

  view(offset: Offset, length: number): MemoryPiece {
    this.#enter(offset, length, undefined);
    return this.#piece(pageOf(offset), withinPage(offset), length);
  }

  writableView(offset: Offset, length: number): Uint8Array | undefined {
    requireWritable(this.abilities);
    this.#enter(offset, length, undefined);
    const from = withinPage(offset);
    const to = from + length;
    return to > pageBytes ? undefined : this.#use(pageOf(offset), from, to).subarray(from, to);
  }

  async close(): Promise<void> {
    if (this.#life.end()) this.#pages.clear();
  }

  #enter(offset: Offset, length: Offset, options: Abortable | undefined): void {
    this.#life.requireOpen();
    if (options !== undefined) requireGoing(options);
    checkInside(this.#size, this.#sizeNumber, offset, length);
  }

  /** The extent at a place of a page: up to `length` bytes that are all stored, or all holes. */
  #piece(number: number, from: number, length: number): MemoryPiece {
    const to = Math.min(pageBytes, from + length);
    const page = this.#pages.get(number);
    if (page === undefined) return { holeBytes: to - from };
    const end = Math.min(to, endOfRun(page.used, from));
    return isUsed(page.used, from) ? page.bytes.subarray(from, end) : { holeBytes: end - from };
  }

  /** The bytes of a page of which a part is about to be written. */
  #use(number: number, from: number, to: number): Uint8Array {
    let page = this.#pages.get(number);
    if (page === undefined) {
      page = { bytes: new Uint8Array(pageBytes), used: 0 };
      this.#pages.set(number, page);
    }
    if (page.used !== allUnits) page.used |= units(Math.floor(from / unitBytes), Math.ceil(to / unitBytes));
    return page.bytes;
  }

  /** Makes a part of a page read as zeroes, and gives the page back when nothing is left in it. */
  #release(number: number, from: number, to: number): void {
    const page = this.#pages.get(number);
    if (page === undefined) return;
    page.used &= ~units(Math.ceil(from / unitBytes), Math.floor(to / unitBytes));
    if (page.used === 0) this.#pages.delete(number);
    else page.bytes.fill(0, from, to);
  }

  /** Numbers of the pages in a range that hold something, in no order. */
  #pagesWithin(start: bigint, end: bigint): number[] {
    if (start >= end) return [];
    const first = Number(start >> pageBits);
    const last = Number((end - 1n) >> pageBits);
    // Few pages hold something, however long the range is; and few are in a short range, however many there are.
    if (last - first > this.#pages.size) return [...this.#pages.keys()].filter((page) => page >= first && page <= last);
    const pages: number[] = [];
    for (let page = first; page <= last; page++) if (this.#pages.has(page)) pages.push(page);
    return pages;
  }

  #extents(start: bigint, end: bigint, count: number): Extent[] {
    const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);
    const pages = this.#pagesWithin(start, end).sort((one, other) => one - other);
    const extents: Extent[] = [];
    let position = start;
    const add = (to: bigint, status: bigint): void => {
      const last = extents.at(-1);
      if (to <= position) return;
      if (last?.status === status) extents[extents.length - 1] = { ...last, length: last.length + to - position };
      else extents.push({ offset: position, length: to - position, status });
      position = to;
    };
    for (const number of pages) {
      if (extents.length > count) break;
      const pageStart = BigInt(number) * pageSize;
      const used = this.#pages.get(number)?.used ?? 0;
      for (let from = 0; from < pageBytes; ) {
        const to = endOfRun(used, from);
        if (isUsed(used, from)) {
          // What lies between this and the last that was used.
          add(min(end, max(start, pageStart + BigInt(from))), hole);
          add(min(end, pageStart + BigInt(to)), 0n);
        }
        from = to;
      }
    }
    if (extents.length <= count) add(end, hole);
    return extents.slice(0, count);
  }
}

/** A bit for each unit from `first` up to, but without, `end`; none when `end` comes first. */
function units(first: number, end: number): number {
  return end <= first ? 0 : (1 << end) - (1 << first);
}

function isUsed(used: number, position: number): boolean {
  return ((used >> Math.floor(position / unitBytes)) & 1) !== 0;
}

/** The end of the run of units that are in use, or not, like the one at `position`. */
function endOfRun(used: number, position: number): number {
  const state = isUsed(used, position);
  if (used === allUnits) return pageBytes;
  let end = (Math.floor(position / unitBytes) + 1) * unitBytes;
  while (end < pageBytes && isUsed(used, end) === state) end += unitBytes;
  return end;
}

function pageOf(offset: Offset): number {
  return typeof offset === 'number' ? Math.floor(offset / pageBytes) : Number(offset >> pageBits);
}

function withinPage(offset: Offset): number {
  return typeof offset === 'number' ? offset % pageBytes : Number(offset % pageSize);
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
