/** The channel to a hostile peer, which sends any bytes. */
import type { ByteChannel, ByteSink, CloseReason, PeerDescription } from '@nbdjs/interfaces';
import { isNbdError } from '@nbdjs/interfaces';
import { Finding } from './target.ts';

export interface HostileChannelOptions {
  /** How many bytes the next delivery has at most. */
  readonly cut: () => number;
  /** Whether the peer reads what it is sent. */
  readonly reads: boolean;
}

/** What a peer that does not read lets the system take. */
const kernelBytes = 64 * 1024;

/** Deliveries are microtasks; what is sent is counted and forgotten. */
export class HostileChannel implements ByteChannel {
  readonly peer: PeerDescription = { name: 'hostile', transport: 'memory', tls: false };
  readonly closed: Promise<CloseReason>;
  readonly #options: HostileChannelOptions;
  #sink: ByteSink | undefined;
  #settle!: (reason: CloseReason) => void;
  #inbox: Uint8Array;
  #isPaused = false;
  #isScheduled = false;
  /** Our direction. */
  #sending: 'open' | 'ended' | 'destroyed' = 'open';
  /** The peer's direction: `told` when the sink has been told of its end, or of the channel's. */
  #receiving: 'open' | 'ended' | 'told' = 'open';
  sentBytes = 0;
  queuedBytes = 0;
  /** A sink has thrown what no peer may cause. */
  crash: unknown;

  constructor(bytes: Uint8Array, options: HostileChannelOptions) {
    this.#inbox = bytes;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get isClosed(): boolean {
    return this.#sending === 'destroyed';
  }

  /** The peer goes on. */
  say(bytes: Uint8Array): void {
    if (this.isClosed || this.#receiving !== 'open') return;
    this.#inbox = new Uint8Array(Buffer.concat([this.#inbox, bytes]));
    this.#schedule();
  }

  /** The peer ends its direction behind what it has said. */
  endByPeer(): void {
    if (this.#receiving === 'open') this.#receiving = 'ended';
    this.#schedule();
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#sending !== 'open') return true;
    for (const { length } of chunks) {
      this.sentBytes += length;
      this.queuedBytes += length;
    }
    if (this.#options.reads || this.queuedBytes <= kernelBytes) {
      if (this.#options.reads) this.queuedBytes = 0;
      return true;
    }
    return false;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    this.#schedule();
  }

  end(): void {
    if (this.#sending !== 'open') return;
    this.#sending = 'ended';
    this.#schedule();
  }

  destroy(cause?: Error): void {
    if (this.isClosed) return;
    this.#sending = 'destroyed';
    this.#inbox = new Uint8Array(0);
    this.queuedBytes = 0;
    queueMicrotask(() => {
      this.#tellEnd(cause);
      this.#settle({ by: 'us', cause });
    });
  }

  keepAlive(): void {}

  #schedule(): void {
    if (this.#isScheduled || this.#sink === undefined || this.isClosed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  #next(): void {
    const sink = this.#sink;
    if (sink === undefined || this.isClosed || this.#isPaused) return;
    if (this.#inbox.length === 0) {
      if (this.#receiving === 'open') return;
      this.#tellEnd(undefined);
      if (this.#sending !== 'ended') return;
      this.#sending = 'destroyed';
      this.#settle({ by: 'peer' });
      return;
    }
    try {
      const target = sink.writable();
      if (target.length === 0) throw new Finding('a sink named no memory');
      const byteCount = Math.max(1, Math.min(this.#inbox.length, target.length, this.#options.cut()));
      target.set(this.#inbox.subarray(0, byteCount));
      this.#inbox = this.#inbox.subarray(byteCount);
      sink.advance(byteCount);
    } catch (error) {
      if (!isNbdError(error)) this.crash ??= error;
      this.destroy(error as Error);
    }
    this.#schedule();
  }

  #tellEnd(cause: Error | undefined): void {
    if (this.#receiving === 'told') return;
    this.#receiving = 'told';
    try {
      this.#sink?.ended(cause);
    } catch (error) {
      this.crash ??= error;
    }
  }
}

/** Cuts of every kind: nothing cut, byte by byte, and anything in between. */
export function randomCut(random: () => number): () => number {
  const manner = random();
  if (manner < 0.5) return () => Number.POSITIVE_INFINITY;
  if (manner < 0.6) return () => 1;
  const bound = 2 ** (1 + Math.floor(random() * 12));
  return () => 1 + Math.floor(random() * bound);
}
