/** Sending by a stream of Node's, and the report to the sink when all has been sent. */
import type { Duplex } from 'node:stream';

/** What kinds of streams do differently when they send. */
export interface SendMethod {
  /** Sends past the stream, which has nothing queued, as many bytes as go at once. Returns how many. */
  sendAtOnce(chunks: readonly Uint8Array[]): number;
  /** Returns whether the stream has copied the chunks that it was given, although it has not finished with them. */
  hasCopied(chunks: readonly Uint8Array[]): boolean;
  /** Called when the kernel has not taken everything, although all earlier bytes have been sent. */
  noteSlowSend(): void;
  /** Returns how many bytes were sent and not taken by the other side's part of the system; `undefined` where that is unknown. */
  queuedBytes(): number | undefined;
}

/** The channel that sends. */
export interface SendOwner {
  readonly isDestroyed: boolean;
  /** Reports to the sink that everything so far has been sent. */
  tellDrained(): void;
}

const noBytes = new Uint8Array(0);

export class SendSide {
  readonly #stream: Duplex;
  readonly #method: SendMethod;
  readonly #owner: SendOwner;
  /** `send` has returned `false`, so the sink is owed a `drained`. */
  #owesDrained = false;

  constructor(stream: Duplex, method: SendMethod, owner: SendOwner) {
    this.#stream = stream;
    this.#method = method;
    this.#owner = owner;
    stream.on('drain', () => this.#tellIfDrained());
  }

  get queuedBytes(): number | undefined {
    return this.#method.queuedBytes();
  }

  /** See `ByteChannel.send`. */
  send(chunks: readonly Uint8Array[]): boolean {
    const stream = this.#stream;
    if (this.#owner.isDestroyed || !stream.writable) return true;
    const isIdle = stream.writableLength === 0;
    const sentBytes = isIdle ? this.#method.sendAtOnce(chunks) : 0;
    const rest = sentBytes === 0 ? chunks : without(chunks, sentBytes);
    if (rest.length === 0) return true;
    if (rest.length === 1) {
      stream.write(rest[0]);
    } else {
      stream.cork();
      for (const chunk of rest) stream.write(chunk);
      stream.uncork();
    }
    // What the kernel took at once is not counted any more, long before any callback says so.
    if (stream.writableLength === 0 || (isIdle && this.#method.hasCopied(rest))) return true;
    if (isIdle) this.#method.noteSlowSend();
    if (!this.#owesDrained) {
      this.#owesDrained = true;
      this.#watchDrain();
    }
    return false;
  }

  /** See `ByteChannel.end`. */
  end(): void {
    // A stream that is ending emits no `drain` any more.
    const stream = this.#stream;
    if (!stream.writableEnded) stream.end((error?: Error | null) => error ?? this.#tellIfDrained());
  }

  /** Node's own `drain` comes only above a high-water mark; the callback of an empty write comes for any amount. */
  #watchDrain(): void {
    const stream = this.#stream;
    if (stream.writableNeedDrain || !stream.writable) return;
    stream.write(noBytes, (error) => {
      if (error) return;
      this.#tellIfDrained();
      // What was sent after the empty write has to be watched as well.
      if (this.#owesDrained) this.#watchDrain();
    });
  }

  #tellIfDrained(): void {
    if (!this.#owesDrained || this.#owner.isDestroyed || this.#stream.writableLength > 0) return;
    this.#owesDrained = false;
    this.#owner.tellDrained();
  }
}

/** Returns the rest of the chunks after their first `byteCount` bytes. */
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
