/** A remote export: the multiplexer's block device, with web streams and extents. */
import type {
  Abilities,
  Abortable,
  BlockDevice,
  BlockStatusOptions,
  DeferredReads,
  DeviceResizing,
  ExportFacts,
  Extent,
  Geometry,
  Losses,
  MetaContextExtents,
  Offset,
  ReadOptions,
  RetainedWrites,
  WriteOptions,
  WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { UsageError } from '@nbdjs/interfaces';
import { describeValue, type ExtentWalkOptions, walkExtents } from '@nbdjs/kit';
import type { DeviceState, Multiplexer, Statistics } from '@nbdjs/multiplexer';
import type { ReadStreamOptions, WriteStreamOptions } from '../stream-options.ts';
import { readableOf, writableOf } from './web-streams.ts';

/**
 * An open export.
 *
 * Buffers are *lent* until a call settles: the caller must neither change them (writes) nor rely on them (reads). Every call takes an
 * `AbortSignal`; an aborted call rejects with the signal's reason, and no byte lands in its memory afterwards.
 *
 * Offsets and lengths are in bytes. Every call may throw UsageError (the call is wrong: a range outside of the export, a command that the
 * server does not offer, a closed client), CommandError (the server has failed the request), ConnectionLostError, ConnectError,
 * TimeoutError, or ProtocolError when the server breaks the specification.
 */
export class NbdClient implements BlockDevice, AsyncDisposable {
  /** The server, as error messages call it. */
  readonly name: string;
  readonly #device: Multiplexer;

  /** Use `connect` or `openClient`. */
  constructor(device: Multiplexer, name: string) {
    this.#device = device;
    this.name = name;
  }

  /** Size and block sizes, in bytes. */
  get geometry(): Geometry {
    return this.#device.geometry;
  }

  /** The commands and flags that the server offers for this export. */
  get abilities(): Abilities {
    return this.#device.abilities;
  }

  /** Everything that was negotiated in the handshake. */
  get facts(): ExportFacts {
    return this.#device.facts;
  }

  /** Whether any range may be read and written: those that do not fit the server's blocks are aligned, unless `strict.align` is off. */
  get takesAnyRange(): boolean {
    return this.#device.takesAnyRange ?? false;
  }

  /** Writes that the server had acknowledged and may have lost, for callers that share the client; see `Holder` of `@nbdjs/kit`. */
  get losses(): Losses {
    return this.#device.losses;
  }

  /** Reads into memory that is asked for only when the answer comes. */
  get deferredReads(): DeferredReads {
    return this.#device.deferredReads;
  }

  /** Writes from memory that is lent until a flush has covered it, so that the journal of unflushed writes needs no copy of it. */
  get retainedWrites(): RetainedWrites {
    return this.#device.retainedWrites;
  }

  /** Changes of the size; `undefined` where the server does not offer the resize extension for this export. See `resize`. */
  get resizing(): DeviceResizing | undefined {
    return this.#device.resizing;
  }

  /** Whether there is a connection, and whether requests wait for one. */
  get state(): DeviceState {
    return this.#device.state;
  }

  /** Bytes and messages in both directions, over all connections so far. The object goes on counting. */
  get statistics(): Statistics {
    return this.#device.statistics;
  }

  /** Resolves when the client is closed: to the error that ended it, or to `undefined` after `close` or `destroy`. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.#device.closed;
  }

  /** Raises the number of connections to at least this, where the server allows several (`NBD_FLAG_CAN_MULTI_CONN`). */
  widen(connections: number): void {
    this.#device.widen(connections);
  }

  /** Fills `target` with the bytes from `offset` on (`NBD_CMD_READ`). A long range is split into several requests. */
  read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void> {
    if (typeof target?.length !== 'number') return Promise.reject(noMemory('read', 'target', target));
    return this.#device.read(offset, target, options);
  }

  /** Reads `length` bytes into new memory, which belongs to the caller. */
  async readBytes(offset: Offset, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const target = new Uint8Array(length);
    await this.#device.read(offset, target, options);
    return target;
  }

  /** Stores `source` from `offset` on (`NBD_CMD_WRITE`). Durable only after a `flush`, unless `fua` is set. */
  write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void> {
    if (typeof source?.length !== 'number') return Promise.reject(noMemory('write', 'source', source));
    return this.#device.write(offset, source, options);
  }

  /**
   * Makes the server store durably every write that it has acknowledged (`NBD_CMD_FLUSH`).
   *
   * @throws WritesLostError when some of it may be gone: the server was lost, and not all could be replayed.
   */
  flush(options?: Abortable): Promise<void> {
    return this.#device.flush(options);
  }

  /** Tells the server that a range is not needed any more (`NBD_CMD_TRIM`). Its content is undefined afterwards. */
  async trim(offset: Offset, length: Offset, options?: WriteOptions): Promise<void> {
    await this.#device.trim(offset, length, options);
  }

  /** Makes a range read as zeroes (`NBD_CMD_WRITE_ZEROES`). */
  async writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): Promise<void> {
    await this.#device.writeZeroes(offset, length, options);
  }

  /**
   * Makes the export longer or shorter (`NBD_CMD_RESIZE` of the resize extension). What is added reads as zeroes. What is under way behind the new
   * end is waited for and flushed, and calls that reach behind it are refused from now on. `geometry` is another object afterwards.
   *
   * @param size In bytes.
   * @throws UsageError `ERR_NBD_NOT_SUPPORTED` when the server does not offer it; CommandError `EPERM` when others use what would go, `ENOSPC`
   * when there is no room.
   */
  async resize(size: Offset, options?: Abortable): Promise<void> {
    const { resizing } = this.#device;
    if (resizing === undefined) {
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', 'RESIZE: the server does not offer it for this export');
    }
    await resizing.resize(size, options);
  }

  /** Asks the server to prefetch a range (`NBD_CMD_CACHE`). */
  async cache(offset: Offset, length: Offset, options?: Abortable): Promise<void> {
    await this.#device.cache(offset, length, options);
  }

  /** Returns the extents of a range for each selected metadata context (`NBD_CMD_BLOCK_STATUS`); perhaps of a part only. */
  async blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): Promise<readonly MetaContextExtents[]> {
    return await this.#device.blockStatus(offset, length, options);
  }

  /** Returns the extents of one metadata context over the export or a part of it. Neighbours of equal status are merged. */
  extents(options?: ExtentWalkOptions): AsyncIterable<Extent> {
    return walkExtents(this, options);
  }

  /** Returns the bytes of a range as a web stream that reads ahead. */
  readable(options?: ReadStreamOptions): ReadableStream<Uint8Array> {
    return readableOf(this, options);
  }

  /** Returns a web stream that stores what is written to it, and flushes at its end. */
  writable(options?: WriteStreamOptions): WritableStream<Uint8Array> {
    return writableOf(this, options);
  }

  /**
   * Waits for the calls under way, disconnects from the server (`NBD_CMD_DISC`), and releases everything. Does not flush.
   *
   * @throws WritesLostError as `flush` does. All is closed nevertheless.
   */
  close(): Promise<void> {
    return this.#device.close();
  }

  /** Closes everything now. The calls under way fail; their errors have `cause` as their cause. */
  destroy(cause?: Error): void {
    this.#device.destroy(cause);
  }

  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function noMemory(call: string, name: string, value: unknown): UsageError {
  const hint = call === 'read' ? ' (readBytes returns new memory)' : '';
  return new UsageError(
    'ERR_NBD_ARGUMENT',
    `${call}: ${name} is ${describeValue(value)}, expected a Uint8Array${hint}`,
  );
}
