/** A remote export with comfort: the multiplexer's block device, streams, extents, and a tidy end. */
import type { Readable, Writable } from 'node:stream';
import { Readable as NodeReadable, Writable as NodeWritable } from 'node:stream';
import type { ReadableStream, WritableStream } from 'node:stream/web';
import type {
  Abilities,
  Abortable,
  BlockDevice,
  BlockStatusOptions,
  ExportFacts,
  Extent,
  Geometry,
  Losses,
  MetaContextExtents,
  Offset,
  ReadOptions,
  WriteOptions,
  WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { type ExtentWalkOptions, walkExtents } from '@nbdjs/kit';
import type { DeviceState, Multiplexer, Statistics } from '@nbdjs/multiplexer';
import { createReadStream, createWriteStream, type ReadStreamOptions, type WriteStreamOptions } from './streams.ts';

/**
 * An open export.
 *
 * Buffers are *lent* until a call settles. Every call takes an `AbortSignal`; an abandoned call rejects with the signal's
 * reason, and no byte lands in its memory afterwards.
 */
export class NbdClient implements BlockDevice, AsyncDisposable {
  /** What was connected to, for messages. */
  readonly name: string;
  readonly #device: Multiplexer;

  /** Use `connect`. */
  constructor(device: Multiplexer, name: string) {
    this.#device = device;
    this.name = name;
  }

  /** Size and block sizes. */
  get geometry(): Geometry {
    return this.#device.geometry;
  }

  /** What the server offers for this export. */
  get abilities(): Abilities {
    return this.#device.abilities;
  }

  /** Everything that was settled in the handshake. */
  get facts(): ExportFacts {
    return this.#device.facts;
  }

  /** Ranges that do not fit the server's blocks are made to fit, unless `strict.align` is off. */
  get takesAnyRange(): boolean {
    return this.#device.takesAnyRange ?? false;
  }

  /** Writes that the server had acknowledged and may have lost, for those who share the client; see `Holder`. */
  get losses(): Losses {
    return this.#device.losses;
  }

  get state(): DeviceState {
    return this.#device.state;
  }

  /** Bytes and messages in both directions. */
  get statistics(): Statistics {
    return this.#device.statistics;
  }

  /** Settles when the client is closed, with the error that ended it, if nobody asked for it. Never rejects. */
  get closed(): Promise<Error | undefined> {
    return this.#device.closed;
  }

  /** From now on there are to be so many connections at least, where the server allows several. */
  widen(connections: number): void {
    this.#device.widen(connections);
  }

  /** Fills `target` with the bytes from `offset` on. */
  read(offset: Offset, target: Uint8Array, options?: ReadOptions): Promise<void> {
    return this.#device.read(offset, target, options);
  }

  /** Fills memory that `provide` is asked for when the first bytes are there; see `BlockDevice`. */
  readLate(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): Promise<void> {
    return this.#device.readLate(offset, length, provide, options);
  }

  /** Reads into new memory. */
  async readBytes(offset: Offset, length: number, options?: ReadOptions): Promise<Uint8Array> {
    const target = new Uint8Array(length);
    await this.#device.read(offset, target, options);
    return target;
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): Promise<void> {
    return this.#device.write(offset, source, options);
  }

  /** See `Multiplexer.flush`. */
  flush(options?: Abortable): Promise<void> {
    return this.#device.flush(options);
  }

  async trim(offset: Offset, length: Offset, options?: WriteOptions): Promise<void> {
    await this.#device.trim(offset, length, options);
  }

  async writeZeroes(offset: Offset, length: Offset, options?: WriteZeroesOptions): Promise<void> {
    await this.#device.writeZeroes(offset, length, options);
  }

  async cache(offset: Offset, length: Offset, options?: Abortable): Promise<void> {
    await this.#device.cache(offset, length, options);
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options?: BlockStatusOptions,
  ): Promise<readonly MetaContextExtents[]> {
    return await this.#device.blockStatus(offset, length, options);
  }

  /** The extents of one context over the export or a part of it, neighbours of equal status merged. */
  extents(options?: ExtentWalkOptions): AsyncIterable<Extent> {
    return walkExtents(this, options);
  }

  /** The bytes of a range as a Node stream, read ahead. */
  createReadStream(options?: ReadStreamOptions): Readable {
    return createReadStream(this, options);
  }

  /** A Node stream that stores what is written to it. */
  createWriteStream(options?: WriteStreamOptions): Writable {
    return createWriteStream(this, options);
  }

  /** The bytes of a range as a web stream. */
  readable(options?: ReadStreamOptions): ReadableStream<Uint8Array> {
    return NodeReadable.toWeb(createReadStream(this, options)) as ReadableStream<Uint8Array>;
  }

  /** A web stream that stores what is written to it. */
  writable(options?: WriteStreamOptions): WritableStream<Uint8Array> {
    return NodeWritable.toWeb(createWriteStream(this, options)) as WritableStream<Uint8Array>;
  }

  /** See `Multiplexer.close`: waits for what is under way, takes leave of the server, and releases everything. Does not flush. */
  close(): Promise<void> {
    return this.#device.close();
  }

  /** Ends everything now. What is under way fails. */
  destroy(cause?: Error): void {
    this.#device.destroy(cause);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
