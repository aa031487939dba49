/**
 * A channel whose other end is the test: the test decides what arrives, when sending is blocked, and how the channel ends.
 *
 * Deliveries are microtasks, so that one turn of the event loop settles everything that can be settled.
 */
import type { ByteChannel, ByteSink, CloseReason, PeerDescription } from '@nbdjs/interfaces';

export interface ScriptedPeer {
  /** Bytes that have left the channel, a copy. */
  received(bytes: Uint8Array): void;
  /** The channel's owner has ended its direction, or everything. */
  ended(): void;
}

export interface ScriptedChannelOptions {
  /** How many bytes the next delivery may have at most. @default no bound */
  readonly cut?: (() => number) | undefined;
  /**
   * Asks for the memory of a delivery right after the one before, as a kernel does, and copies what has landed there when
   * the sink names other memory by then. @default false
   */
  readonly asksEarly?: boolean | undefined;
}

export class ScriptedChannel implements ByteChannel {
  readonly peer: PeerDescription = { name: 'script', transport: 'memory', tls: false };
  readonly closed: Promise<CloseReason>;
  /** How many bytes each `send` had, in order. */
  readonly sends: number[] = [];
  isDestroyed = false;
  hasEnded = false;
  readonly #peer: ScriptedPeer;
  readonly #options: ScriptedChannelOptions;
  #sink: ByteSink | undefined;
  #settle!: (reason: CloseReason) => void;
  #inbox: Uint8Array[] = [];
  #isPaused = false;
  #isScheduled = false;
  /** Chunks that were sent while blocked: lent, not copied, so that a sender that changes them is found out. */
  #lent: Uint8Array[] = [];
  #isBlocked = false;
  #owesDrained = false;
  #peerEnd: { readonly cause: Error | undefined } | undefined;
  #hasToldEnd = false;
  #early: Uint8Array | undefined;

  constructor(peer: ScriptedPeer, options: ScriptedChannelOptions = {}) {
    this.#peer = peer;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** How many bytes the sink takes at once at present. Asking fixes it until the next delivery. */
  get roomBytes(): number {
    return this.#sink?.writable().length ?? 0;
  }

  // What the owner calls

  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#schedule();
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.isDestroyed || this.hasEnded) return true;
    this.sends.push(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
    if (this.#isBlocked) {
      this.#lent.push(...chunks);
      this.#owesDrained = true;
      return false;
    }
    for (const chunk of chunks) this.#hand(chunk);
    return true;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    this.#schedule();
  }

  end(): void {
    if (this.hasEnded || this.isDestroyed) return;
    this.hasEnded = true;
    if (!this.#isBlocked) queueMicrotask(() => this.#peer.ended());
    this.#schedule();
  }

  destroy(cause?: Error): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.#inbox = [];
    this.#lent = [];
    queueMicrotask(() => {
      this.#peer.ended();
      this.#tellEnd(cause);
      this.#settle({ by: 'us', cause });
    });
  }

  keepAlive(): void {}

  // What the test calls

  /** These bytes arrive. */
  deliver(...pieces: readonly Uint8Array[]): void {
    if (this.isDestroyed || this.#peerEnd !== undefined) return;
    for (const piece of pieces) if (piece.length > 0) this.#inbox.push(piece.slice());
    this.#schedule();
  }

  /** The peer ends, in order or with an error, behind what was delivered. */
  endByPeer(cause?: Error): void {
    this.#peerEnd ??= { cause };
    this.#schedule();
  }

  /** From now on `send` answers `false` and keeps what it gets. */
  block(): void {
    this.#isBlocked = true;
  }

  /** Sends everything that was kept, with its present content, and calls `drained`. */
  unblock(): void {
    this.#isBlocked = false;
    for (const chunk of this.#lent) this.#hand(chunk);
    this.#lent = [];
    if (this.hasEnded) queueMicrotask(() => this.#peer.ended());
    if (!this.#owesDrained) return;
    this.#owesDrained = false;
    queueMicrotask(() => {
      if (!this.isDestroyed) this.#sink?.drained();
    });
  }

  #hand(chunk: Uint8Array): void {
    const copy = chunk.slice();
    queueMicrotask(() => this.#peer.received(copy));
  }

  #schedule(): void {
    if (this.#isScheduled || this.#sink === undefined || this.isDestroyed) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#next();
    });
  }

  #next(): void {
    const sink = this.#sink;
    if (sink === undefined || this.isDestroyed || this.#isPaused) return;
    const chunk = this.#inbox[0];
    if (chunk === undefined) {
      if (this.#peerEnd !== undefined) this.#finish(this.#peerEnd.cause);
      return;
    }
    const { cut = () => Number.POSITIVE_INFINITY, asksEarly = false } = this.#options;
    const early = asksEarly ? (this.#early ?? sink.writable()) : undefined;
    const room = (early ?? sink.writable()).length;
    if (room === 0) throw new Error('the sink named no memory');
    const byteCount = Math.max(1, Math.min(chunk.length, room, cut()));
    const bytes = chunk.subarray(0, byteCount);
    early?.set(bytes);
    this.#inbox[0] = chunk.subarray(byteCount);
    if (byteCount === chunk.length) this.#inbox.shift();
    this.#pour(sink, bytes);
    this.#early = asksEarly && !this.isDestroyed ? this.#sink?.writable() : undefined;
    this.#schedule();
  }

  /** Copies bytes to the memory that the sink names now, which may be several pieces. */
  #pour(sink: ByteSink, bytes: Uint8Array): void {
    for (let position = 0; position < bytes.length && !this.isDestroyed; ) {
      const target = sink.writable();
      const byteCount = Math.min(target.length, bytes.length - position);
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      sink.advance(byteCount);
    }
  }

  #finish(cause: Error | undefined): void {
    this.#tellEnd(cause);
    if (!this.hasEnded || this.isDestroyed) return;
    this.isDestroyed = true;
    this.#settle(cause === undefined ? { by: 'peer' } : { by: 'error', cause });
  }

  #tellEnd(cause: Error | undefined): void {
    if (this.#hasToldEnd) return;
    this.#hasToldEnd = true;
    this.#sink?.ended(cause);
  }
}
