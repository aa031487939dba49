/** Two channels that are connected to each other in memory: for servers in the same process, and for tests. */
import type { ByteChannel, ByteSink, CloseReason, PeerDescription } from '@nbdjs/interfaces';
import { namedBy, StreamEnd, toError } from '@nbdjs/kit';
import { nextTurn } from '@nbdjs/node';

/** How bytes cross between the two ends of `createMemoryPair`. */
export interface MemoryPairOptions {
  /** Bytes that may be on their way in one direction before `send` returns `false`. @default 262144 */
  readonly capacityBytes?: number | undefined;
  /** Returns how many bytes the next delivery may have at most; a test cuts the stream with it. @default no limit */
  readonly cut?: (() => number) | undefined;
  /** Puts off a delivery to a later turn. @default setImmediate */
  readonly later?: ((task: () => void) => void) | undefined;
}

const capacityDefault = 256 * 1024;

/** Makes the two ends. What one sends is delivered to the other in a later turn of the loop, never within `send`. */
export function createMemoryPair(options: MemoryPairOptions = {}): [ByteChannel, ByteChannel] {
  const one = new MemoryChannel(options);
  const other = new MemoryChannel(options);
  one.connect(other);
  other.connect(one);
  return [one, other];
}

class MemoryChannel implements ByteChannel {
  readonly peer: PeerDescription = { name: 'memory', transport: 'memory', tls: false };
  readonly closed: Promise<CloseReason>;
  readonly #capacityBytes: number;
  readonly #cut: () => number;
  readonly #later: (task: () => void) => void;
  #other!: MemoryChannel;
  #sink: ByteSink | undefined;
  #resolveClosed!: (reason: CloseReason) => void;
  /** What the other side has sent and this side has not delivered. */
  #inbox: Uint8Array[] = [];
  #inboxBytes = 0;
  /** `ended`: this side sends no more. `destroyed`: nor does it receive. */
  #phase: 'open' | 'ended' | 'destroyed' = 'open';
  #isPaused = false;
  #isScheduled = false;
  readonly #end = new StreamEnd();
  #owesDrained = false;

  constructor(options: MemoryPairOptions) {
    this.#capacityBytes = options.capacityBytes ?? capacityDefault;
    this.#cut = options.cut ?? (() => Number.POSITIVE_INFINITY);
    this.#later = options.later ?? nextTurn;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  connect(other: MemoryChannel): void {
    this.#other = other;
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#schedule();
    if (this.#end.hasCome) this.#later(() => this.#tellEnd());
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#phase !== 'open') return true;
    const other = this.#other;
    // Copied, so that a sender may use its memory again at once, as a kernel would let it.
    for (const chunk of chunks) other.#accept(new Uint8Array(chunk));
    other.#schedule();
    if (other.#inboxBytes <= this.#capacityBytes) return true;
    this.#owesDrained = true;
    return false;
  }

  get queuedBytes(): number {
    return this.#other.#inboxBytes;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    this.#schedule();
  }

  end(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'ended';
    this.#other.#schedule();
    // When the peer has ended before, this completes the end.
    this.#schedule();
  }

  destroy(cause?: Error): void {
    if (this.#phase === 'destroyed') return;
    this.#phase = 'destroyed';
    this.#inbox = [];
    this.#inboxBytes = 0;
    this.#other.#schedule();
    this.#later(() => {
      this.#end.come(cause);
      this.#tellEnd();
      this.#resolveClosed({ by: 'us', cause });
    });
  }

  keepAlive(): void {}

  #accept(bytes: Uint8Array): void {
    if (this.#phase === 'destroyed' || bytes.length === 0) return;
    this.#inbox.push(bytes);
    this.#inboxBytes += bytes.length;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#sink === undefined) return;
    this.#isScheduled = true;
    this.#later(() => {
      this.#isScheduled = false;
      this.#deliver();
    });
  }

  #deliver(): void {
    const sink = this.#sink;
    if (sink === undefined || this.#phase === 'destroyed' || this.#isPaused) return;
    const chunk = this.#inbox[0];
    if (chunk === undefined) {
      if (this.#other.#phase !== 'open') this.#finish();
      return;
    }
    try {
      const target = namedBy(sink);
      const byteCount = Math.max(1, Math.min(chunk.length, target.length, this.#cut()));
      target.set(chunk.subarray(0, byteCount));
      if (byteCount === chunk.length) this.#inbox.shift();
      else this.#inbox[0] = chunk.subarray(byteCount);
      this.#inboxBytes -= byteCount;
      sink.advance(byteCount);
    } catch (error) {
      this.destroy(toError(error));
      return;
    }
    this.#other.#tellIfDrained(this.#inboxBytes);
    this.#schedule();
  }

  #tellIfDrained(waitingBytes: number): void {
    if (!this.#owesDrained || waitingBytes > this.#capacityBytes / 2) return;
    this.#owesDrained = false;
    this.#later(() => {
      if (this.#phase === 'destroyed') return;
      try {
        this.#sink?.drained();
      } catch (error) {
        this.destroy(toError(error));
      }
    });
  }

  /** The peer's last byte has been delivered. */
  #finish(): void {
    this.#end.come();
    this.#tellEnd();
    if (this.#phase !== 'ended') return;
    this.#phase = 'destroyed';
    this.#resolveClosed({ by: 'peer' });
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
