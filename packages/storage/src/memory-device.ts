/** A device in memory. What was never written, or was trimmed or zeroed, takes none. */
import {
  type Abilities,
  AllocationStatus,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  type Extent,
  type Geometry,
  limits,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  sizeMax,
  UsageError,
  type WriteOptions,
} from '@nbdjs/interfaces';
import { Lifetime, requireGoing, requireInside } from './bounds.ts';

export interface MemoryDeviceOptions {
  /** In bytes, up to 2^63 - 1. */
  readonly size: number | bigint;
  /** @default false */
  readonly readOnly?: boolean | undefined;
}

const pageBytes = 64 * 1024;
const pageSize = BigInt(pageBytes);
/** Extents in one answer. */
const extentsMax = 4096;

/** Makes a device of zeroes. It answers synchronously. */
export function createMemoryDevice(options: MemoryDeviceOptions): BlockDevice {
  return new MemoryDevice(BigInt(options.size), options.readOnly ?? false);
}

class MemoryDevice implements BlockDevice {
  readonly geometry: Geometry;
  readonly abilities: Abilities;
  readonly #size: bigint;
  /** Pages that hold something, by number. */
  readonly #pages = new Map<bigint, Uint8Array>();
  readonly #life = new Lifetime();

  constructor(size: bigint, readOnly: boolean) {
    if (size < 0n || size > sizeMax) throw new UsageError('ERR_NBD_ARGUMENT', `${size} is not a possible size`);
    this.#size = size;
    this.geometry = {
      size,
      minimumBlockSize: 1,
      preferredBlockSize: 4096,
      maximumBlockSize: limits.payloadBytesDefault,
    };
    this.abilities = {
      readOnly,
      flush: true,
      fua: !readOnly,
      trim: !readOnly,
      writeZeroes: !readOnly,
      fastZero: !readOnly,
      cache: true,
      multiConn: true,
      rotational: false,
      contexts: [baseAllocation],
    };
  }

  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void {
    const [start] = this.#enter(offset, target.length, options);
    this.#eachPage(start, target.length, (page, from, to, position) => {
      const bytes = this.#pages.get(page);
      if (bytes === undefined) target.fill(0, position, position + to - from);
      else target.set(bytes.subarray(from, to), position);
    });
    if (target.length > 0) options?.onChunk?.({ type: 'data', position: 0, length: target.length });
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): void {
    const [start] = this.#enterChange(offset, source.length, options);
    this.#eachPage(start, source.length, (page, from, to, position) => {
      let bytes = this.#pages.get(page);
      if (bytes === undefined) {
        bytes = new Uint8Array(pageBytes);
        this.#pages.set(page, bytes);
      }
      bytes.set(source.subarray(position, position + to - from), from);
    });
  }

  flush(): void {
    this.#life.requireOpen();
  }

  trim(offset: Offset, length: Offset, options?: WriteOptions): void {
    this.writeZeroes(offset, length, options);
  }

  writeZeroes(offset: Offset, length: Offset, options?: WriteOptions): void {
    const [start, end] = this.#enterChange(offset, length, options);
    // Few pages hold something, however long the range is.
    if ((end - start) / pageSize > BigInt(this.#pages.size)) {
      for (const page of [...this.#pages.keys()]) {
        const pageStart = page * pageSize;
        const from = max(start, pageStart);
        const to = min(end, pageStart + pageSize);
        if (from < to) this.#clear(page, Number(from - pageStart), Number(to - pageStart));
      }
    } else {
      for (let page = start / pageSize; page * pageSize < end; page++) {
        const pageStart = page * pageSize;
        this.#clear(
          page,
          Number(max(start, pageStart) - pageStart),
          Number(min(end, pageStart + pageSize) - pageStart),
        );
      }
    }
  }

  cache(offset: Offset, length: Offset): void {
    this.#enter(offset, length, undefined);
  }

  blockStatus(offset: Offset, length: Offset, options: BlockStatusOptions = {}): readonly MetaContextExtents[] {
    const [start, end] = this.#enter(offset, length, options);
    if (options.contexts !== undefined && !options.contexts.includes(baseAllocation)) return [];
    if (start === end) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    return [{ context: baseAllocation, extents: this.#extents(start, end, options.one === true ? 1 : extentsMax) }];
  }

  lend(offset: Offset, length: number): Uint8Array | undefined {
    const [start] = this.#enter(offset, length, undefined);
    const from = Number(start % pageSize);
    return from + length > pageBytes ? undefined : this.#pages.get(start / pageSize)?.subarray(from, from + length);
  }

  async close(): Promise<void> {
    if (this.#life.end()) this.#pages.clear();
  }

  #enter(offset: Offset, length: Offset, options: ReadOptions | undefined): readonly [bigint, bigint] {
    this.#life.requireOpen();
    requireGoing(options);
    return requireInside(this.#size, offset, length);
  }

  #enterChange(offset: Offset, length: Offset, options: WriteOptions | undefined): readonly [bigint, bigint] {
    if (this.abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', 'the device is read-only');
    return this.#enter(offset, length, options);
  }

  #clear(page: bigint, from: number, to: number): void {
    if (to - from === pageBytes) this.#pages.delete(page);
    else this.#pages.get(page)?.fill(0, from, to);
  }

  #eachPage(
    start: bigint,
    length: number,
    visit: (page: bigint, from: number, to: number, position: number) => void,
  ): void {
    let page = start / pageSize;
    let from = Number(start % pageSize);
    for (let position = 0; position < length; ) {
      const to = Math.min(pageBytes, from + length - position);
      visit(page, from, to, position);
      position += to - from;
      page++;
      from = 0;
    }
  }

  #extents(start: bigint, end: bigint, count: number): Extent[] {
    const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);
    const pages = [...this.#pages.keys()]
      .filter((page) => page >= start / pageSize && page * pageSize < end)
      .sort((one, other) => (one < other ? -1 : 1));
    const extents: Extent[] = [];
    let position = start;
    const add = (to: bigint, status: bigint): void => {
      const last = extents.at(-1);
      if (to <= position) return;
      if (last?.status === status) extents[extents.length - 1] = { ...last, length: last.length + to - position };
      else extents.push({ offset: position, length: to - position, status });
      position = to;
    };
    for (const page of pages) {
      if (extents.length > count) break;
      add(max(start, page * pageSize), hole);
      add(min(end, (page + 1n) * pageSize), 0n);
    }
    if (extents.length <= count) add(end, hole);
    return extents.slice(0, count);
  }
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}
