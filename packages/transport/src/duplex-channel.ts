/** What channels over Node's duplex streams have in common: sending, and coming to an end. */
import type { Duplex } from 'node:stream';
import type { ByteChannel, ByteSink, CloseReason, PeerDescription } from '@nbdjs/interfaces';

const nothing = new Uint8Array(0);

export abstract class DuplexChannel<Stream extends Duplex & { ref?(): unknown; unref?(): unknown }>
  implements ByteChannel
{
  readonly peer: PeerDescription;
  readonly stream: Stream;
  readonly closed: Promise<CloseReason>;
  protected sink: ByteSink | undefined;
  /** Whether the stream delivers nothing at the moment, for want of a sink or because the owner said so. */
  protected isPaused = true;
  protected isDestroyed = false;
  #isPausedByOwner = false;
  /** No more bytes will come, and why. */
  #end: { readonly cause: Error | undefined } | undefined;
  /** The end is nobody's business: the socket lives on elsewhere. */
  #isAbandoned = false;
  /** `send` has answered `false`, so the sink is owed a `drained`. */
  #owesDrained = false;
  #cause: Error | undefined;

  constructor(stream: Stream, peer: PeerDescription) {
    this.stream = stream;
    this.peer = peer;
    stream.on('drain', () => this.#drained());
    stream.on('end', () => this.#ended());
    stream.on('error', (error) => {
      this.#cause ??= error;
    });
    this.closed = new Promise((resolve) => {
      stream.on('close', () => {
        this.#ended(this.#cause ?? (this.isDestroyed ? undefined : new Error('the connection was closed')));
        resolve(this.#reason());
      });
    });
  }

  open(sink: ByteSink): void {
    this.sink = sink;
    this.#resume();
    const end = this.#end;
    if (end !== undefined) setImmediate(() => this.sink === sink && sink.ended(end.cause));
  }

  send(chunks: readonly Uint8Array[]): boolean {
    const { stream } = this;
    if (this.isDestroyed || !stream.writable) return true;
    if (chunks.length === 1) {
      stream.write(chunks[0]);
    } else {
      stream.cork();
      for (const chunk of chunks) stream.write(chunk);
      stream.uncork();
    }
    // What the kernel took at once is off the books already, long before any callback says so.
    if (stream.writableLength === 0) return true;
    if (!this.#owesDrained) {
      this.#owesDrained = true;
      // Node's own `drain` comes only above a high-water mark; an empty write's callback comes for any amount.
      if (!stream.writableNeedDrain) stream.write(nothing, () => this.#drained());
    }
    return false;
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
    this.stream.end();
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

  /** Copies bytes to where the sink wants them, whichever that is by now, for as long as anybody wants them. */
  protected pour(bytes: Uint8Array): void {
    for (let position = 0; position < bytes.length && this.sink !== undefined && !this.isDestroyed; ) {
      const target = this.sink.writable();
      const byteCount = Math.min(target.length, bytes.length - position);
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      this.sink.advance(byteCount);
    }
  }

  /** Runs the sink on what has arrived; a sink that throws ends the channel with its error. */
  protected deliver(work: (sink: ByteSink) => void): void {
    const { sink } = this;
    if (sink === undefined || this.isDestroyed) return;
    try {
      work(sink);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #resume(): void {
    if (!this.isPaused || this.#isPausedByOwner || this.sink === undefined || this.isDestroyed) return;
    this.isPaused = false;
    this.stream.resume();
  }

  #drained(): void {
    if (!this.#owesDrained || this.isDestroyed || this.stream.writableLength > 0) return;
    this.#owesDrained = false;
    this.deliver((sink) => sink.drained());
  }

  #ended(cause?: Error): void {
    if (this.#end !== undefined || this.#isAbandoned) return;
    this.#end = { cause };
    this.sink?.ended(cause);
  }

  #reason(): CloseReason {
    if (this.isDestroyed) return { by: 'us', cause: this.#cause };
    return this.#cause === undefined ? { by: 'peer' } : { by: 'error', cause: this.#cause };
  }
}
