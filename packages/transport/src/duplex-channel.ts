/** What channels over Node's duplex streams have in common: sending, and coming to an end. */
import type { Duplex } from 'node:stream';
import type { ByteChannel, ByteSink, CloseReason, PeerDescription } from '@nbdjs/interfaces';
import { namedBy, toError } from './sink-rules.ts';

/** A socket can be told whether to keep the process alive; other streams have no say in it. */
type AnyDuplex = Duplex & { ref?(): unknown; unref?(): unknown };

const nothing = new Uint8Array(0);

export abstract class DuplexChannel<Stream extends AnyDuplex = AnyDuplex> implements ByteChannel {
  readonly peer: PeerDescription;
  readonly stream: Stream;
  readonly closed: Promise<CloseReason>;
  protected sink: ByteSink | undefined;
  /** Whether the stream delivers nothing at the moment, for want of a sink or because the owner said so. */
  protected isPaused = true;
  protected isDestroyed = false;
  #isPausedByOwner = false;
  /**
   * Asked once, when the bytes end without our doing, for a better error than the system's; the end is told when it has
   * answered. A child's channel finds out here that the child has died.
   */
  explainEnd: (() => Promise<Error | undefined>) | undefined;
  #explanation: Promise<void> | undefined;
  /** No more bytes will come, and why. */
  #end: { readonly cause: Error | undefined } | undefined;
  #toldOfEnd: ByteSink | undefined;
  /** The end is nobody's business: the socket lives on elsewhere. */
  #isAbandoned = false;
  /** `send` has answered `false`, so the sink is owed a `drained`. */
  #owesDrained = false;
  /** What has landed while the sink had us pause, before it was announced. */
  #leftover: Uint8Array | undefined;
  #unpouredBytes = 0;
  #cause: Error | undefined;

  constructor(stream: Stream, peer: PeerDescription) {
    this.stream = stream;
    this.peer = peer;
    stream.on('drain', () => this.#drained());
    // With TLS, the end and the error that brought it about come in any order.
    stream.on('end', () => this.#ended(this.#cause));
    stream.on('error', (error) => {
      this.#cause ??= this.explain(error);
      this.breakOff();
      this.#ended(this.#cause);
    });
    this.closed = new Promise((resolve) => {
      stream.on('close', async () => {
        this.#ended(this.#cause ?? (this.isDestroyed ? undefined : new Error('the connection was closed')));
        await this.#explanation;
        resolve(this.#reason());
      });
    });
  }

  open(sink: ByteSink): void {
    this.sink = sink;
    this.#resume();
    if (this.#end !== undefined) setImmediate(() => this.#tellEnd());
  }

  send(chunks: readonly Uint8Array[]): boolean {
    const { stream } = this;
    if (this.isDestroyed || !stream.writable) return true;
    const isIdle = stream.writableLength === 0;
    const taken = isIdle ? this.sendAtOnce(chunks) : 0;
    const rest = taken === 0 ? chunks : without(chunks, taken);
    if (rest.length === 0) return true;
    if (rest.length === 1) {
      stream.write(rest[0]);
    } else {
      stream.cork();
      for (const chunk of rest) stream.write(chunk);
      stream.uncork();
    }
    // What the kernel took at once is off the books already, long before any callback says so.
    if (stream.writableLength === 0 || (isIdle && this.copies(rest))) return true;
    if (isIdle) this.sendIsSlow();
    if (!this.#owesDrained) {
      this.#owesDrained = true;
      this.#watchDrain();
    }
    return false;
  }

  get queuedBytes(): number | undefined {
    return this.stream.writableLength;
  }

  /** Sends past the stream, which has nothing queued, as much as goes at once; tells how many bytes that was. */
  protected sendAtOnce(_chunks: readonly Uint8Array[]): number {
    return 0;
  }

  /** Whether chunks that a stream with nothing queued was given are of no more use to it, although it is not through with them. */
  protected copies(_chunks: readonly Uint8Array[]): boolean {
    return false;
  }

  /** The kernel has not taken everything, although all that was sent before is gone. */
  protected sendIsSlow(): void {}

  /**
   * Releases the stream, which has failed. Not every stream does so by itself: one of TLS tells of a record that it cannot decipher,
   * or of the peer's alert, and stands on.
   */
  protected breakOff(): void {
    this.stream.destroy();
  }

  /** Says better what a stream's error means. */
  protected explain(error: Error): Error {
    return error;
  }

  pause(paused: boolean): void {
    this.#isPausedByOwner = paused;
    if (!paused) {
      this.#resume();
    } else if (!this.isPaused) {
      this.isPaused = true;
      this.stream.pause();
    }
  }

  end(): void {
    // Once it is ending, a stream says nothing of `drain` any more.
    if (!this.stream.writableEnded) this.stream.end((error?: Error | null) => error ?? this.#drained());
  }

  destroy(cause?: Error): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.#cause ??= cause;
    this.stream.destroy();
  }

  keepAlive(on: boolean): void {
    if (on) this.stream.ref?.();
    else this.stream.unref?.();
  }

  /** Destroys the stream without a word to the sink: its socket lives on elsewhere. */
  abandon(): void {
    this.#isAbandoned = true;
    this.destroy();
  }

  /** Gives the stream to somebody who puts another channel on top of it; this one says no more to its sink. */
  surrender(): Stream {
    this.#isAbandoned = true;
    this.sink = undefined;
    return this.stream;
  }

  /** Bytes that have come from the peer, whether or not they were announced. */
  abstract readonly receivedBytes: number;

  /** Whether bytes that have come wait here for somebody who wants them. */
  get hasLeftover(): boolean {
    return this.#leftover !== undefined || this.#unpouredBytes > 0;
  }

  /** Whether nothing is on its way through this object, in either direction: the descriptor is all there is. */
  get isEmpty(): boolean {
    return !this.hasLeftover && this.stream.writableLength === 0;
  }

  /** Whether bytes that come now have to wait for others, or for a sink that wants them. */
  protected get isHoldingBack(): boolean {
    return this.isPaused || this.#leftover !== undefined;
  }

  /**
   * Copies bytes to where the sink wants them, whichever that is by now, for as long as anybody wants them. What a
   * sink that pauses the channel leaves over is kept for later.
   */
  protected pour(bytes: Uint8Array): void {
    for (let position = 0; position < bytes.length && !this.isDestroyed; ) {
      if (this.isHoldingBack || this.sink === undefined) {
        this.#keep(bytes.subarray(position));
        break;
      }
      const target = namedBy(this.sink);
      const byteCount = Math.min(target.length, bytes.length - position);
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      this.#unpouredBytes = bytes.length - position;
      this.sink.advance(byteCount);
    }
    this.#unpouredBytes = 0;
  }

  /** Runs the sink on what has arrived; a sink that throws ends the channel with its error. */
  protected deliver(work: (sink: ByteSink) => void): void {
    const { sink } = this;
    if (sink === undefined || this.isDestroyed) return;
    try {
      work(sink);
    } catch (error) {
      this.destroy(toError(error));
    }
  }

  #keep(bytes: Uint8Array): void {
    const kept = this.#leftover ?? nothing;
    this.#leftover = new Uint8Array(kept.length + bytes.length);
    this.#leftover.set(kept);
    this.#leftover.set(bytes, kept.length);
  }

  #resume(): void {
    if (!this.isPaused || this.#isPausedByOwner || this.sink === undefined || this.isDestroyed) return;
    this.isPaused = false;
    if (this.#leftover === undefined) this.stream.resume();
    else setImmediate(() => this.#pourLeftover());
  }

  #pourLeftover(): void {
    const bytes = this.#leftover;
    if (bytes === undefined || this.isPaused) return;
    this.#leftover = undefined;
    this.deliver(() => this.pour(bytes));
    if (!this.isPaused && !this.isDestroyed) this.stream.resume();
    if (this.#end !== undefined) this.#tellEnd();
  }

  /** Node's own `drain` comes only above a high-water mark; an empty write's callback comes for any amount. */
  #watchDrain(): void {
    const { stream } = this;
    if (stream.writableNeedDrain || !stream.writable) return;
    stream.write(nothing, (error) => {
      if (error) return;
      this.#drained();
      // What was sent behind the empty write has nobody watching it yet.
      if (this.#owesDrained) this.#watchDrain();
    });
  }

  #drained(): void {
    if (!this.#owesDrained || this.isDestroyed || this.stream.writableLength > 0) return;
    this.#owesDrained = false;
    this.deliver((sink) => sink.drained());
  }

  #ended(cause?: Error): void {
    if (this.#end !== undefined || this.#explanation !== undefined || this.#isAbandoned) return;
    // An end that answers ours needs no explanation.
    if (this.explainEnd === undefined || this.isDestroyed || this.stream.writableEnded) {
      this.#finish(cause);
      return;
    }
    this.#explanation = this.explainEnd().then((explained) => {
      if (explained !== undefined && !this.isDestroyed) {
        this.#cause = explained;
        this.stream.destroy();
      }
      this.#finish(explained ?? cause ?? this.#cause);
    });
  }

  #finish(cause: Error | undefined): void {
    this.#end = { cause };
    this.#tellEnd();
  }

  /** Tells the sink that is in place now, unless it knows. */
  #tellEnd(): void {
    const { sink } = this;
    // What has come before the end is told before it, unless it will never be.
    if (this.#leftover !== undefined && !this.isDestroyed) return;
    if (sink === undefined || sink === this.#toldOfEnd) return;
    this.#toldOfEnd = sink;
    try {
      sink.ended(this.#end?.cause);
    } catch (error) {
      this.destroy(toError(error));
    }
  }

  #reason(): CloseReason {
    if (this.isDestroyed) return { by: 'us', cause: this.#cause };
    return this.#cause === undefined ? { by: 'peer' } : { by: 'error', cause: this.#cause };
  }
}

/** What is left of the chunks behind their first `byteCount` bytes. */
function without(chunks: readonly Uint8Array[], byteCount: number): readonly Uint8Array[] {
  let index = 0;
  let position = byteCount;
  for (let chunk = chunks[0]; chunk !== undefined && position >= chunk.length; chunk = chunks[index]) {
    position -= chunk.length;
    index++;
  }
  if (position === 0) return index === chunks.length ? [] : chunks.slice(index);
  return chunks.slice(index).map((chunk, place) => (place === 0 ? chunk.subarray(position) : chunk));
}
