/**
 * The central seam: anything with addressable blocks.
 *
 * A file, memory, a remote export and every layer over them have this one shape. The server consumes it and the client *is* a device, so a
 * client can be served again, copied, or wrapped, and one conformance suite tests them all.
 */
import type { Extent, MetaContextExtents } from './extents.ts';
import type { Losses } from './losses.ts';
import type { Offset } from './offset.ts';

/** The size of a device and the block sizes that its callers have to respect. */
export interface Geometry {
  /** Size in bytes, 0 to 2^63 - 1, exact. */
  readonly size: bigint;
  /** Offsets and lengths have to be multiples of this many bytes (1 when there is no restriction); a power of two. */
  readonly minimumBlockSize: number;
  /** Offsets and lengths that are multiples of this many bytes are the fastest; a power of two. */
  readonly preferredBlockSize: number;
  /** The longest read or write in one piece, in bytes. */
  readonly maximumBlockSize: number;
}

/** What a device can do. Each command that is not listed here may be refused with a `UsageError`. */
export interface Abilities {
  /** Writing commands are refused with a `UsageError` of code `ERR_NBD_READ_ONLY`. */
  readonly readOnly: boolean;
  /** `flush` waits for stable storage. Without it, a caller cannot learn when bytes are safe. */
  readonly flush: boolean;
  /** Writing commands accept `fua`: they settle only when the bytes are on stable storage. */
  readonly fua: boolean;
  /** `trim` is possible: the content of a range is no longer needed. */
  readonly trim: boolean;
  /** `writeZeroes` is a command of its own, so that zeroes need not be sent as bytes. */
  readonly writeZeroes: boolean;
  /** `writeZeroes` accepts `fastZero`: fail at once instead of being as slow as a write. */
  readonly fastZero: boolean;
  /** `cache` is possible: a hint that a range will be read soon. */
  readonly cache: boolean;
  /** Several connections (or handles) see each other's flushed writes. */
  readonly multiConn: boolean;
  /** Access in ascending order is much quicker than any other, as on a spinning disk (`NBD_FLAG_ROTATIONAL`). */
  readonly rotational: boolean;
  /** Names of the metadata contexts that `blockStatus` can report, in the device's own order. */
  readonly contexts: readonly string[];
}

/** Every asynchronous call can be abandoned; it then rejects with `signal.reason`, unwrapped. */
export interface Abortable {
  /** Ends the call when it is aborted. @default the call cannot be abandoned */
  readonly signal?: AbortSignal | undefined;
}

/** One piece of a read, as the device delivered it. */
export interface ReadChunk {
  /** `data`: bytes that are stored. `hole`: zeroes that are stored nowhere. */
  readonly type: 'data' | 'hole';
  /** Bytes from the start of the *request*. */
  readonly position: number;
  /** Length in bytes, never 0. */
  readonly length: number;
}

/** How a range is read. */
export interface ReadOptions extends Abortable {
  /** Ask for the bytes in one piece, with holes written out as zeroes (`NBD_CMD_FLAG_DF`). @default false */
  readonly dontFragment?: boolean | undefined;
  /**
   * Called once for each piece, before the call settles and in no promised order, however often the device had to read it. Holes have been
   * written to the target as zeroes too; the callback only reports that they need not be examined. A read that fails may have reported
   * some of its pieces.
   */
  readonly onChunk?: ((chunk: ReadChunk) => void) | undefined;
}

/** How a range is changed. */
export interface WriteOptions extends Abortable {
  /** Settle only when the bytes are on stable storage. @default false */
  readonly fua?: boolean | undefined;
}

/** How zeroes are written. */
export interface WriteZeroesOptions extends WriteOptions {
  /** Allocate the range instead of punching a hole. @default false */
  readonly noHole?: boolean | undefined;
  /** Fail with `ENOTSUP` at once unless zeroing is quicker than writing. @default false */
  readonly fastZero?: boolean | undefined;
}

/** How block status is asked for. */
export interface BlockStatusOptions extends Abortable {
  /** Only these contexts, by name. @default every context in `abilities.contexts` */
  readonly contexts?: readonly string[] | undefined;
  /** Only the first extent of each context. @default false */
  readonly one?: boolean | undefined;
}

/** Bytes that a device has in memory: a view of them, or a number of zeroes that are stored nowhere. */
export type MemoryPiece = Uint8Array | { readonly holeBytes: number };

/** For devices that keep their bytes in memory: access without a copy. */
export interface DeviceMemory {
  /**
   * The bytes from `offset` on: up to `length` of them, at least one. `undefined` when they cannot be viewed, and `read` has to be used.
   * The view is valid until the next write to the range; a caller who still uses it then sees bytes of that write.
   *
   * @throws UsageError as `read` does.
   */
  view(offset: Offset, length: number): MemoryPiece | undefined;
  /**
   * The place in memory where `length` bytes from `offset` on are stored. `undefined` when they are not in one piece, and `write` has to be
   * used. Bytes that the caller stores there are written at once, one by one; a caller that is interrupted leaves the others unchanged.
   * Valid until the next `trim` or `writeZeroes` of the range, or `resize`. Only for devices that have no other storage.
   *
   * @throws UsageError as `write` does.
   */
  writableView?(offset: Offset, length: number): Uint8Array | undefined;
}

/** For devices whose size can change. */
export interface DeviceResizing {
  /**
   * Makes the device shorter or longer; what is added reads as zeroes. No request may be under way in the area that is removed. Afterwards
   * `geometry` is another object.
   *
   * @throws CommandError `ENOSPC` when there is no room.
   */
  resize(size: Offset, options?: Abortable): void | Promise<void>;
}

/** For devices whose answers come later than their requests: memory for an answer is needed only when it comes. */
export interface DeferredReads {
  /**
   * Reads into memory that `provide` is asked for once, when the answer's first bytes have come. The memory is lent from then on, and
   * has to be `length` bytes long. A read that fails before that does not call `provide`.
   *
   * With many reads under way, little memory is then in use, and it stays in the processor's cache.
   */
  readInto(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): void | Promise<void>;
}

/** For devices that may have to repeat a write after it has settled: memory that is lent until then saves them a copy of it. */
export interface RetainedWrites {
  /**
   * Writes as `write` does, from memory that is lent until `released` is called. Until then the caller must not change the bytes,
   * even if the call has settled: they may be sent once more. `released` is called exactly once: when the call has failed or settled, and
   * the bytes are not needed any more because a flush has covered them, the device has stopped remembering them, or was closed.
   * It is called on its own, never from within another call of the device.
   *
   * A caller who never flushes gets the memory back when the device cannot remember more, or is closed.
   */
  writeRetained(offset: Offset, source: Uint8Array, released: () => void, options?: WriteOptions): void | Promise<void>;
}

/** What only some devices have besides the calls of every device. */
export interface DeviceExtras {
  /** Access without a copy. `undefined`: the device keeps its bytes elsewhere. */
  readonly memory?: DeviceMemory | undefined;
  /** Changes of the size. `undefined`: the size is fixed. */
  readonly resizing?: DeviceResizing | undefined;
  /** Reads whose memory is asked for late. `undefined`: only `read` is possible. */
  readonly deferredReads?: DeferredReads | undefined;
  /** Writes whose memory is lent for longer. `undefined`: only `write` is possible. */
  readonly retainedWrites?: RetainedWrites | undefined;
}

/**
 * Anything with addressable blocks.
 *
 * Buffers: `target` and `source` are *lent* until the call settles; the caller must not use them before.
 * A device may answer synchronously (`void`) when it has nothing to wait for. A device that throws synchronously does
 * so only for a `UsageError`.
 *
 * Errors: `UsageError` when the call itself is wrong (outside the device, closed, unsupported), `CommandError` when this
 * request failed and the device can still be used, `ConnectionLostError` when the outcome is unknown.
 */
export interface BlockDevice extends DeviceExtras {
  /** The present geometry: another object after a `resize`. */
  readonly geometry: Geometry;
  /** What the device can do. It does not change. */
  readonly abilities: Abilities;
  /**
   * What it has lost of what it had acknowledged. `flush` reports losses to its first caller only; the users of a shared device
   * read them here, by a `Holder` of `@nbdjs/kit` each. Devices whose only losses are failures of their flush may leave it out.
   */
  readonly losses?: Losses | undefined;
  /**
   * It accepts ranges of any offset and length, although its blocks have more than one byte, and aligns them itself. @default false
   */
  readonly takesAnyRange?: boolean | undefined;
  /** Fills `target` with the bytes from `offset` on. */
  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void>;
  /** Stores `source` from `offset` on. */
  write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void>;
  /** Settles when every write that had settled before this call is on stable storage. */
  flush(options?: Abortable): void | Promise<void>;
  /** The content of the range is no longer needed; what it reads as afterwards is undefined. */
  trim(offset: Offset, length: Offset, options?: WriteOptions): void | Promise<void>;
  /** Makes the range read as zeroes. */
  writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): void | Promise<void>;
  /** Hints that the range will be read soon. */
  cache(offset: Offset, length: Offset, options?: Abortable): void | Promise<void>;
  /**
   * Returns what the range consists of. Each context's extents are consecutive from `offset`; they may end before the
   * range does (ask again from there) but there is at least one, and they never reach past it.
   */
  blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): readonly MetaContextExtents[] | Promise<readonly MetaContextExtents[]>;
  /** Finishes the requests in flight, then releases everything. May be called more than once. Does not flush. */
  close(): Promise<void>;
}

export type { Extent, MetaContextExtents };
