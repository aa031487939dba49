/** What the author of a device writes down; `defineDevice` makes a device of it. */
import type { Abortable, ReadOptions, WriteOptions, WriteZeroesOptions } from '@nbdjs/interfaces';

/** One piece of a device, as its definition reports it. */
export interface DefinedExtent {
  /** Length in bytes, at least 1. */
  readonly length: number;
  /** Bits of `AllocationStatus`: 0 for data, `Hole` and `Zero` for what is not stored and reads as zeroes. */
  readonly status: number;
}

/**
 * What a device is made of. Offsets and lengths are whole numbers within the device; they have been checked. Each function may
 * answer at once or by a promise. Buffers are lent until it has answered. A call is abandoned only by a function that looks at
 * `signal`; otherwise the caller waits for its answer, because the function may still use the buffer.
 *
 * A function that throws or rejects fails that one request: with its own `NbdError`, with the errno of an error of Node
 * (`ENOSPC`, `EIO`, ...), or else with `EIO`.
 */
export interface DeviceDefinition {
  /** Size in bytes, 0 to 2^53 - 1. */
  readonly size: number | bigint;
  /** Fills `target` with the bytes from `offset` on. */
  read(offset: number, target: Uint8Array, options: ReadOptions): void | Promise<void>;
  /** Stores `source` from `offset` on. Without it the device is read-only. */
  write?(offset: number, source: Uint8Array, options: WriteOptions): void | Promise<void>;
  /**
   * Brings all that `write` has taken to stable storage. Without it, bytes count as stored when `write` has answered. A request
   * with `fua` is followed by it.
   */
  flush?(options: Abortable): void | Promise<void>;
  /** The range is not needed any more. Without it, trimming changes nothing. */
  trim?(offset: number, length: number, options: WriteOptions): void | Promise<void>;
  /** Makes the range read as zeroes. Without it, zeroes are written. */
  writeZeroes?(offset: number, length: number, options: WriteZeroesOptions): void | Promise<void>;
  /** Prepares for reads of the range. Without it, nothing is prepared, and clients do not learn that the device supports it. */
  cache?(offset: number, length: number, options: Abortable): void | Promise<void>;
  /**
   * What the range consists of (`base:allocation`): consecutive pieces from `offset` on, at least one. The last may end before the
   * range does, or behind it. Without it, everything is data.
   */
  blockStatus?(
    offset: number,
    length: number,
    options: Abortable,
  ): readonly DefinedExtent[] | Promise<readonly DefinedExtent[]>;
  /** Releases what the device holds. Called once. */
  close?(): void | Promise<void>;
  /** Requests have to be multiples of this many bytes; a power of two. @default 1 */
  readonly minimumBlockSize?: number | undefined;
  /** Requests work best as multiples of this many bytes; a power of two. @default 4096, or the minimum if that is more */
  readonly preferredBlockSize?: number | undefined;
  /** The longest read or write in bytes. @default 33554432 */
  readonly maximumBlockSize?: number | undefined;
  /** Whether several clients see each other's flushed writes. @default true: they share this one device */
  readonly multiConn?: boolean | undefined;
  /** Whether neighbouring requests are much quicker than distant ones. @default false */
  readonly rotational?: boolean | undefined;
}
