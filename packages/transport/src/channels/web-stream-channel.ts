/** A pair of web streams as a `ByteChannel`. Uses nothing of Node. */
import type { ByteChannel, ByteSink, CloseReason, PeerDescription } from '@nbdjs/interfaces';
import { concatenate, describeValue, namedBy, StreamEnd, toError } from '@nbdjs/kit';

/** The reader of a web stream of bytes, as far as it is used here. */
export interface BytesReader {
  /** Resolves to the next chunk, a `Uint8Array`, or to the end. */
  read(): Promise<{ readonly done: boolean; readonly value?: unknown }>;
  /** Wants no more. */
  cancel(reason?: unknown): Promise<unknown>;
  /** Gives the stream back. */
  releaseLock(): void;
}

/** The same of its writer. */
export interface BytesWriter {
  /** Resolves when the stream has taken the chunk. */
  write(chunk: Uint8Array): Promise<unknown>;
  /** Ends the stream after what was written. */
  close(): Promise<unknown>;
  /** Ends the stream at once. */
  abort(reason?: unknown): Promise<unknown>;
  /** Resolves when the stream has ended, and rejects when it has failed. */
  readonly closed: Promise<unknown>;
}

/** A `ReadableStream` and a `WritableStream` of bytes (`Uint8Array`), by shape: those of browsers fit as well as those of Node. */
export interface WebStreamPair {
  /** Delivers the peer's bytes. */
  readonly readable: {
    /** Locks the stream. */
    getReader(): BytesReader;
  };
  /** Takes ours. */
  readonly writable: {
    /** Locks the stream. */
    getWriter(): BytesWriter;
  };
}

/** Bytes that the writable stream may have queued before `send` returns `false`. Streams count chunks unless their maker says otherwise. */
const queuedBytesMax = 256 * 1024;

export class WebStreamChannel implements ByteChannel {
  readonly peer: PeerDescription;
  readonly closed: Promise<CloseReason>;
  readonly #reader: BytesReader;
  readonly #writer: BytesWriter;
  #settleClosed!: (reason: CloseReason) => void;
  #sink: ByteSink | undefined;
  /** `ended`: our direction is over. `destroyed`: so is the other one. */
  #phase: 'open' | 'ended' | 'destroyed' = 'open';
  #isPaused = false;
  /** Whether a read of the stream is under way, or its bytes are being delivered. */
  #isReading = false;
  /** What has been read and not delivered. */
  #backlog: Uint8Array | undefined;
  #queuedBytes = 0;
  #owesDrained = false;
  readonly #end = new StreamEnd();

  /** Both streams are locked, and belong to the channel. */
  constructor({ readable, writable }: WebStreamPair, peer: PeerDescription) {
    this.peer = peer;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#reader = readable.getReader();
    try {
      this.#writer = writable.getWriter();
    } catch (error) {
      this.#reader.releaseLock();
      throw error;
    }
    this.#writer.closed.then(
      () => {},
      (reason: unknown) => this.#fail(reason),
    );
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#continue();
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#phase !== 'open') return true;
    // A copy: a stream may keep what it is given, longer than it says.
    const bytes = concatenate(chunks);
    if (bytes.length > 0) {
      this.#queuedBytes += bytes.length;
      this.#writer.write(bytes).then(
        () => this.#noteTaken(bytes.length),
        // `closed` of the writer reports the same.
        () => {},
      );
    }
    if (this.#queuedBytes <= queuedBytesMax) return true;
    this.#owesDrained = true;
    return false;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    this.#continue();
  }

  end(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'ended';
    this.#writer.close().then(
      () => this.#finishIfOver(),
      (reason: unknown) => this.#fail(reason),
    );
  }

  destroy(cause?: Error): void {
    if (this.#phase === 'destroyed') return;
    this.#release(cause, { by: 'us', cause });
    queueMicrotask(() => this.#tellEnd());
  }

  /** Web streams do not say whether they keep a process alive. */
  keepAlive(): void {}

  /** Goes on with what is due, in a later microtask: the sink is not called from within a call of the owner. */
  #continue(): void {
    queueMicrotask(() => {
      if (this.#end.hasCome) this.#tellEnd();
      else void this.#deliver();
    });
  }

  async #deliver(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      while (this.#isReceiving) {
        this.#backlog ??= await this.#read();
        if (this.#backlog === undefined) break;
        this.#deliverBacklog();
      }
    } finally {
      this.#isReading = false;
    }
  }

  get #isReceiving(): boolean {
    return this.#sink !== undefined && !this.#isPaused && !this.#end.hasCome;
  }

  /** Reads the next bytes; `undefined` when there are none, which is noted. */
  async #read(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#reader.read();
      if (!done) return bytesOf(value);
      this.#end.come();
      this.#finishIfOver();
      this.#tellEnd();
    } catch (reason) {
      this.#fail(reason);
    }
    return undefined;
  }

  /** Copies what was read to the sink's memory, until it pauses or all is delivered. */
  #deliverBacklog(): void {
    while (this.#backlog !== undefined && this.#isReceiving) {
      const sink = this.#sink as ByteSink;
      const bytes = this.#backlog;
      try {
        const target = namedBy(sink);
        const byteCount = Math.min(bytes.length, target.length);
        target.set(bytes.subarray(0, byteCount));
        this.#backlog = byteCount === bytes.length ? undefined : bytes.subarray(byteCount);
        if (byteCount > 0) sink.advance(byteCount);
      } catch (error) {
        this.destroy(toError(error));
      }
    }
  }

  #noteTaken(byteCount: number): void {
    this.#queuedBytes -= byteCount;
    if (!this.#owesDrained || this.#queuedBytes > 0 || this.#phase === 'destroyed') return;
    this.#owesDrained = false;
    try {
      this.#sink?.drained();
    } catch (error) {
      this.destroy(toError(error));
    }
  }

  /** Closes the channel when both directions have ended in order. */
  #finishIfOver(): void {
    if (this.#phase !== 'ended' || !this.#end.hasCome) return;
    this.#phase = 'destroyed';
    this.#settleClosed({ by: 'peer' });
  }

  /** One of the streams has failed, or delivers something else than bytes. */
  #fail(reason: unknown): void {
    if (this.#phase === 'destroyed') return;
    const cause = toError(reason);
    this.#release(cause, { by: 'error', cause });
    this.#tellEnd();
  }

  /** Gives up both streams. Neither is waited for: a write that the other side does not take would never settle. */
  #release(cause: Error | undefined, reason: CloseReason): void {
    this.#phase = 'destroyed';
    this.#backlog = undefined;
    this.#end.come(cause);
    const ignore = () => {};
    this.#reader.cancel(cause).catch(ignore);
    this.#writer.abort(cause).catch(ignore);
    this.#settleClosed(reason);
  }

  /** Reports the end to the present sink, unless that was done. */
  #tellEnd(): void {
    try {
      this.#end.tell(this.#sink);
    } catch (error) {
      this.destroy(toError(error));
    }
  }
}

function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`the stream has delivered ${describeValue(value)}, expected a Uint8Array`);
}
