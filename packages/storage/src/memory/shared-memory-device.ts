/** A device over memory that it shares with devices of other threads. */
import {
  type Abilities,
  type Abortable,
  AllocationStatus,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  type DeviceMemory,
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
import { nextTurn } from '@nbdjs/node';
import { extentsMax, memoryAbilities, readPiece, requireWritable } from './memory-pieces.ts';
import { chunkBytes, type SharedMemory, unitBytes } from './shared-memory.ts';
import { UnitMap } from './unit-map.ts';

const sharedMemory = {
  expected: 'what createSharedMemory has returned',
  holds: (value: unknown) => (value as Partial<SharedMemory> | null)?.used instanceof SharedArrayBuffer,
};

export const sharedMemoryDeviceOptions = defineOptions({
  /** What `createSharedMemory` has returned, in this thread or another one. */
  memory: option.checked<SharedMemory>(sharedMemory, {
    required: true,
    doc: 'What `createSharedMemory` has returned.',
  }),
  /** Whether the device refuses to be changed. @default false */
  readOnly: option.boolean({ default: false, doc: 'Whether the device refuses to be changed.' }),
});

/** A device over shared memory. */
export interface SharedMemoryDeviceOptions extends OptionsOf<typeof sharedMemoryDeviceOptions> {}

/** Bytes that are zeroed before others have their turn. */
const turnBytes = 16 * 2 ** 20;
/** Copied over what is zeroed, which is quicker than to fill shared memory. */
const zeroes = new Uint8Array(unitBytes);

/**
 * Makes a device over memory that devices in other threads may have as well: what one of them has written, all of them read. The memory
 * outlives the device. All calls answer synchronously, except for those that zero more than 16 MiB of what is stored.
 *
 * Requests of several threads for the same range at the same time may mix, as on a disk.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for an option that is unknown, wrong or missing.
 */
export function createSharedMemoryDevice(options: SharedMemoryDeviceOptions): BlockDevice {
  const { memory, readOnly } = sharedMemoryDeviceOptions.resolve('createSharedMemoryDevice', options);
  return new SharedMemoryDevice(memory, readOnly);
}

class SharedMemoryDevice implements BlockDevice, DeviceMemory {
  readonly memory: DeviceMemory = this;
  readonly geometry: Geometry;
  readonly abilities: Abilities;
  readonly #size: number;
  #chunks: readonly Uint8Array[];
  /**
   * The bytes of a unit that is not in it are zero once no request for it is under way: `write` stores its bytes before it adds a unit, and
   * `writeZeroes` removes the unit before it stores zeroes. So there is no place where bytes could be written before they count as written.
   */
  readonly #units: UnitMap;
  readonly #life = new Lifetime();
  /** Long ranges that are being zeroed. */
  readonly #zeroing = new Set<Promise<void>>();

  constructor({ size, chunks, used }: SharedMemory, readOnly: boolean) {
    this.#size = size;
    this.#chunks = chunks.map((chunk) => new Uint8Array(chunk));
    this.#units = new UnitMap(used);
    this.geometry = {
      size: BigInt(size),
      minimumBlockSize: 1,
      preferredBlockSize: 4096,
      maximumBlockSize: limits.payloadBytesDefault,
    };
    this.abilities = memoryAbilities(readOnly);
  }

  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void {
    const { length } = target;
    const start = this.#enter(offset, length, options);
    for (let position = 0; position < length; ) {
      position += readPiece(this.#piece(start + position, length - position), target, position, options);
    }
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): void {
    requireWritable(this.abilities);
    const { length } = source;
    const start = this.#enter(offset, length, options);
    for (let position = 0; position < length; ) {
      const place = this.#bytes(start + position, length - position);
      place.set(place.length === length ? source : source.subarray(position, position + place.length));
      position += place.length;
    }
    if (length > 0) this.#units.add(start, start + length);
  }

  flush(): void {
    this.#life.requireOpen();
  }

  trim(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void> {
    return this.writeZeroes(offset, length, options);
  }

  writeZeroes(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void> {
    requireWritable(this.abilities);
    const start = this.#enter(offset, length, options);
    const end = start + Number(length);
    const position = this.#zero(start, end);
    if (position === end) return undefined;
    const rest = this.#zeroInTurns(position, end, options).finally(() => this.#zeroing.delete(rest));
    this.#zeroing.add(rest);
    return rest;
  }

  cache(offset: Offset, length: Offset): void {
    this.#enter(offset, length, undefined);
  }

  blockStatus(offset: Offset, length: Offset, options: BlockStatusOptions = {}): readonly MetaContextExtents[] {
    const start = this.#enter(offset, length, options);
    if (options.contexts !== undefined && !options.contexts.includes(baseAllocation)) return [];
    if (BigInt(length) === 0n) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    const extents = this.#extents(start, start + Number(length), options.one === true ? 1 : extentsMax);
    return [{ context: baseAllocation, extents }];
  }

  view(offset: Offset, length: number): MemoryPiece {
    return this.#piece(this.#enter(offset, length, undefined), length);
  }

  async close(): Promise<void> {
    this.#life.end();
    await Promise.allSettled(this.#zeroing);
    this.#chunks = [];
  }

  /** Returns the offset as a number, which is exact: the memory is not that long. */
  #enter(offset: Offset, length: Offset, options: Abortable | undefined): number {
    this.#life.requireOpen();
    if (options !== undefined) requireGoing(options);
    checkInside(this.geometry.size, this.#size, offset, length);
    return Number(offset);
  }

  /** Up to `length` bytes of one chunk. */
  #bytes(start: number, length: number): Uint8Array {
    const from = start % chunkBytes;
    const chunk = this.#chunks[Math.floor(start / chunkBytes)] as Uint8Array;
    return chunk.subarray(from, Math.min(chunkBytes, from + length));
  }

  /** Up to `length` bytes that are all stored, or all holes. */
  #piece(start: number, length: number): MemoryPiece {
    const unit = Math.floor(start / unitBytes);
    const isUsed = this.#units.has(unit);
    const end = Math.min(start + length, this.#endOfRun(unit, isUsed, start + length));
    return isUsed ? this.#bytes(start, end - start) : { holeBytes: end - start };
  }

  /** Where the run ends that `unit` was part of: behind it, even if another thread has changed it meanwhile. */
  #endOfRun(unit: number, isUsed: boolean, end: number): number {
    return this.#units.endOfRun(unit + 1, isUsed, Math.ceil(end / unitBytes)) * unitBytes;
  }

  /** Zeroes what is stored of a range, and returns how far it has come: not to the end if much is stored. */
  #zero(start: number, end: number): number {
    let position = start;
    for (let zeroed = 0; position < end && zeroed < turnBytes; ) {
      const unit = Math.floor(position / unitBytes);
      const unitStart = unit * unitBytes;
      if (!this.#units.has(unit)) {
        position = Math.min(end, this.#endOfRun(unit, false, end));
        continue;
      }
      const next = Math.min(end, unitStart + unitBytes);
      const isWhole = position === unitStart && next === Math.min(this.#size, unitStart + unitBytes);
      if (isWhole) this.#units.remove(unit);
      const place = this.#bytes(position, next - position);
      place.set(place.length === unitBytes ? zeroes : zeroes.subarray(0, place.length));
      zeroed += place.length;
      position = next;
    }
    return position;
  }

  async #zeroInTurns(start: number, end: number, options: Abortable | undefined): Promise<void> {
    for (let position = start; position < end; position = this.#zero(position, end)) {
      await new Promise<void>((resolve) => nextTurn(resolve));
      if (options !== undefined) requireGoing(options);
    }
  }

  #extents(start: number, end: number, count: number): Extent[] {
    const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);
    const extents: Extent[] = [];
    for (let position = start; position < end && extents.length < count; ) {
      const unit = Math.floor(position / unitBytes);
      const isUsed = this.#units.has(unit);
      const to = Math.min(end, this.#endOfRun(unit, isUsed, end));
      extents.push({ offset: BigInt(position), length: BigInt(to - position), status: isUsed ? 0n : hole });
      position = to;
    }
    return extents;
  }
}
