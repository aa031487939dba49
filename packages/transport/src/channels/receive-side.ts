/** Receiving from a stream of Node's into the sink's memory. */
import type { Duplex } from 'node:stream';
import type { ByteSink } from '@nbdjs/interfaces';
import { namedBy, toError } from '@nbdjs/kit';

/** Node's `onread` with what its types leave out: the buffer may be a function, called before each read. */
export interface OnRead {
  readonly buffer: () => Uint8Array;
  readonly callback: (byteCount: number) => boolean;
}

/** The channel that receives. */
export interface ReceiveOwner {
  readonly isDestroyed: boolean;
  destroy(cause: Error): void;
  /** Bytes that had waited for the sink are delivered. */
  backlogDelivered(): void;
}

/**
 * Node asks where to read before the channel is opened, and keeps the answer. So this many bytes of the first delivery land in the
 * channel's own memory, and are copied.
 */
const ownBytesDefault = 64;

const noBytes = new Uint8Array(0);

/**
 * Made before its stream, which may ask where to read from within its constructor; `attach` joins the two.
 *
 * Bytes come by `onread`, straight into the sink's memory, or by `receive`, which copies them.
 */
export class ReceiveSide {
  /** For streams that can read into given memory. */
  readonly onread: OnRead = {
    buffer: () => this.#chooseTarget(),
    callback: (byteCount) => this.#receiveLanded(byteCount),
  };
  /** The channel's own memory, for bytes for which no sink has named memory. */
  readonly #ownMemory: Uint8Array;
  /** The memory into which Node reads. */
  #target: Uint8Array;
  #stream: Duplex | undefined;
  #owner: ReceiveOwner | undefined;
  #sink: ByteSink | undefined;
  /** Whether the stream delivers nothing at the moment: there is no sink, or the owner has paused it. */
  #isPaused = true;
  #isPausedByOwner = false;
  /** What has landed while the sink had paused the channel, before it was announced. */
  #backlog: Uint8Array | undefined;
  /** Bytes of the delivery under way that the sink has not been given yet. */
  #undeliveredBytes = 0;
  #receivedBytes = 0;

  constructor(ownBytes = ownBytesDefault) {
    this.#ownMemory = new Uint8Array(ownBytes);
    this.#target = this.#ownMemory;
  }

  attach(stream: Duplex, owner: ReceiveOwner): void {
    this.#stream = stream;
    this.#owner = owner;
  }

  get sink(): ByteSink | undefined {
    return this.#sink;
  }

  /** Bytes that have come from the peer, announced to the sink or not. */
  get receivedBytes(): number {
    return this.#receivedBytes;
  }

  /** Whether bytes that have come wait here for the sink. */
  get hasBacklog(): boolean {
    return this.#backlog !== undefined || this.#undeliveredBytes > 0;
  }

  /** Whether bytes wait here that precede the end. Those of the delivery under way do not count: its caller goes on with them. */
  get isEndHeldBack(): boolean {
    return this.#backlog !== undefined;
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#resume();
  }

  /** Drops the sink, which gets no further call. */
  close(): void {
    this.#sink = undefined;
  }

  pause(paused: boolean): void {
    this.#isPausedByOwner = paused;
    if (!paused) {
      this.#resume();
    } else if (!this.#isPaused) {
      this.#isPaused = true;
      this.#stream?.pause();
    }
  }

  /** Takes bytes from a stream that cannot read into given memory, and copies them. */
  receive(bytes: Uint8Array): void {
    this.#receivedBytes += bytes.length;
    this.call(() => this.#copyToSink(bytes));
  }

  /** Takes bytes that have come before the stream's next ones; before there is a sink. */
  receiveFirst(bytes: Uint8Array): void {
    this.#receivedBytes += bytes.length;
    this.#keep(bytes);
  }

  /** Calls the sink. A sink that throws ends the channel with its error. */
  call(work: (sink: ByteSink) => void): void {
    if (this.#sink === undefined || this.#isDestroyed) return;
    try {
      work(this.#sink);
    } catch (error) {
      this.#owner?.destroy(toError(error));
    }
  }

  get #isDestroyed(): boolean {
    return this.#owner?.isDestroyed ?? false;
  }

  #chooseTarget(): Uint8Array {
    // Bytes that wait here go first into what the sink would name now, and must not be overwritten afterwards.
    this.#target = this.#ownMemory;
    if (this.#sink === undefined || this.#isDestroyed || this.hasBacklog) return this.#target;
    try {
      this.#target = namedBy(this.#sink);
    } catch (error) {
      // Thrown from here, no caller could catch it, and it would end the process.
      this.#owner?.destroy(toError(error));
    }
    return this.#target;
  }

  #receiveLanded(byteCount: number): boolean {
    this.#receivedBytes += byteCount;
    const sink = this.#sink;
    if (this.#isDestroyed) return false;
    if (sink === undefined || this.#isPaused || this.#backlog !== undefined) {
      this.#copyToSink(this.#target.subarray(0, byteCount));
      return false;
    }
    // The hot path avoids the closure of `call`.
    try {
      // Node has asked right after the previous delivery. Since then the sink, or what it waits for, may have changed.
      const wanted = namedBy(sink);
      if (beginsWhere(wanted, this.#target) && wanted.length >= byteCount) sink.advance(byteCount);
      else this.#redirect(byteCount, wanted.length);
    } catch (error) {
      this.#owner?.destroy(toError(error));
    }
    return !this.#isPaused && !this.#isDestroyed;
  }

  #redirect(byteCount: number, wantedBytes: number): void {
    const landed = this.#target.subarray(0, byteCount);
    // Bytes that need several steps must not lie in memory that the sink considers free: it may write there.
    this.#copyToSink(byteCount > wantedBytes ? new Uint8Array(landed) : landed);
  }

  /** Copies bytes to the sink's memory, until it pauses. The rest is kept for later. */
  #copyToSink(bytes: Uint8Array): void {
    for (let position = 0; position < bytes.length && !this.#isDestroyed; ) {
      if (this.#sink === undefined || this.#isPaused || this.#backlog !== undefined) {
        this.#keep(bytes.subarray(position));
        break;
      }
      const target = namedBy(this.#sink);
      const byteCount = Math.min(target.length, bytes.length - position);
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      this.#undeliveredBytes = bytes.length - position;
      this.#sink.advance(byteCount);
    }
    this.#undeliveredBytes = 0;
  }

  #keep(bytes: Uint8Array): void {
    const kept = this.#backlog ?? noBytes;
    this.#backlog = new Uint8Array(kept.length + bytes.length);
    this.#backlog.set(kept);
    this.#backlog.set(bytes, kept.length);
  }

  #resume(): void {
    if (!this.#isPaused || this.#isPausedByOwner || this.#sink === undefined || this.#isDestroyed) return;
    this.#isPaused = false;
    if (this.#backlog === undefined) this.#stream?.resume();
    else setImmediate(() => this.#deliverBacklog());
  }

  #deliverBacklog(): void {
    const bytes = this.#backlog;
    if (bytes === undefined || this.#isPaused) return;
    this.#backlog = undefined;
    this.call(() => this.#copyToSink(bytes));
    if (!this.#isPaused && !this.#isDestroyed) this.#stream?.resume();
    this.#owner?.backlogDelivered();
  }
}

function beginsWhere(one: Uint8Array, other: Uint8Array): boolean {
  return one === other || (one.buffer === other.buffer && one.byteOffset === other.byteOffset);
}
