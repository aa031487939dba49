/** The owner's end of a kept connection: a `ByteChannel` whose socket lives on another thread. */

import type { MessagePort } from 'node:worker_threads';
import {
  type ByteChannel,
  type ByteSink,
  type CloseReason,
  ConnectError,
  type PeerDescription,
} from '@nbdjs/interfaces';
import { fromErrorRecord } from '@nbdjs/kit';
import { type CallerMessage, type LinkMemory, RingLink, type WorkerMessage } from './ring-link.ts';
import { copyShared } from './shared-memory.ts';

/** After so many bytes in one go, in rings' worths, others on this loop get their turn. */
const ringsPerTurn = 4;

/**
 * Copies what the keeper has received into its sink's memory, and what it is given into the other ring. All deliveries
 * come from the message port or from a turn of their own.
 */
export class CallerEnd implements ByteChannel {
  readonly peer: PeerDescription;
  readonly closed: Promise<CloseReason>;
  readonly #link: RingLink<WorkerMessage, CallerMessage>;
  readonly #bytesPerTurn: number;
  #sink: ByteSink | undefined;
  #isPaused = false;
  /** What did not fit into the ring; lent. */
  #queue: Uint8Array[] = [];
  #owesDrained = false;
  #weHaveEnded = false;
  /** The keeper has told that no more bytes will come, and why. */
  #end: { readonly cause: Error | undefined } | undefined;
  #hasToldEnd = false;
  #isDestroyed = false;
  #cause: Error | undefined;
  /** How the socket was closed, as the keeper told. */
  #reason: CloseReason | undefined;
  #settle!: (reason: CloseReason) => void;
  #isScheduled = false;
  /** The rings are nobody's any more, at least not ours. */
  #isReleased = false;
  readonly #release: () => void;

  /** `release` is called when neither side uses the rings' memory any more, so that it may serve another connection. */
  constructor(memory: LinkMemory, port: MessagePort, peer: PeerDescription, release = () => {}) {
    this.peer = peer;
    this.#release = release;
    this.#bytesPerTurn = ringsPerTurn * memory.receiveBytes;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#link = new RingLink(memory, 'owner', port, {
      woken: () => this.#work(),
      told: (message) => this.#hear(message),
      lost: () => this.#lost(),
    });
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#hasToldEnd = false;
    this.#schedule();
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#isDestroyed || this.#weHaveEnded || this.#reason !== undefined) return true;
    if (this.#queue.length === 0) {
      this.#fill(chunks);
      this.#link.wake();
    } else {
      this.#queue.push(...chunks);
    }
    if (this.#queue.length === 0) return true;
    this.#owesDrained = true;
    return false;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) this.#schedule();
  }

  end(): void {
    if (this.#weHaveEnded) return;
    this.#weHaveEnded = true;
    if (this.#queue.length === 0) this.#link.tell({ type: 'end' });
  }

  destroy(cause?: Error): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#cause = cause;
    this.#queue = [];
    if (this.#reason === undefined) this.#link.tell({ type: 'destroy' });
    else this.#schedule();
  }

  keepAlive(on: boolean): void {
    this.#link.keepAlive(on);
  }

  #hear(message: WorkerMessage): void {
    const cause = message.cause === undefined ? undefined : fromErrorRecord(message.cause);
    if (message.type === 'ended') {
      this.#end = { cause };
      this.#work();
      return;
    }
    this.#link.close();
    this.#reason = cause === undefined ? { by: 'peer' } : { by: 'error', cause };
    if (message.by === 'us') this.#reason = { by: 'us', cause: this.#cause ?? cause };
    this.#end ??= { cause: this.#cause ?? cause };
    this.#work();
  }

  /** The keeper's thread is gone, and the socket with it. */
  #lost(): void {
    const cause = new ConnectError('ERR_NBD_WORKER', `${this.peer.name}: the thread that kept the connection has died`);
    this.#reason = this.#isDestroyed ? { by: 'us', cause: this.#cause } : { by: 'error', cause };
    this.#end ??= { cause: this.#isDestroyed ? this.#cause : cause };
    this.#work();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#work();
    });
  }

  /** Moves whatever can be moved, both ways, then rests unless something has come meanwhile. */
  #work(): void {
    this.#drainQueue();
    this.#deliver();
    this.#finish();
    if (this.#isScheduled || this.#reason !== undefined) return;
    this.#link.rest();
    const mayDeliver = this.#mayDeliver && this.#link.incoming.wants(this.#sink?.missing ?? 1);
    const maySend = this.#queue.length > 0 && this.#link.outgoing.free >= this.#link.outgoing.capacity / 2;
    if (mayDeliver || maySend) this.#schedule();
  }

  get #mayDeliver(): boolean {
    return this.#sink !== undefined && !this.#isPaused && !this.#isDestroyed && !this.#isReleased;
  }

  get #undelivered(): number {
    return this.#isReleased ? 0 : this.#link.incoming.available;
  }

  #deliver(): void {
    const { incoming } = this.#link;
    let budget = this.#bytesPerTurn;
    while (this.#mayDeliver && budget > 0) {
      const bytes = incoming.readable();
      if (bytes.length === 0) return;
      const byteCount = this.#handOver(bytes);
      if (byteCount === 0) return;
      budget -= byteCount;
      if (incoming.owesRoom()) this.#link.wake();
    }
    if (this.#mayDeliver) this.#schedule();
  }

  /** Copies to where the sink wants it, and frees the ring before the sink hears of it. */
  #handOver(bytes: Uint8Array): number {
    const sink = this.#sink as ByteSink;
    try {
      const target = sink.writable();
      if (target.length === 0) throw new Error('the sink named no memory for the next bytes');
      const piece = bytes.length > target.length ? bytes.subarray(0, target.length) : bytes;
      copyShared(target, piece);
      this.#link.incoming.release(piece.length);
      sink.advance(piece.length);
      return piece.length;
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
      return 0;
    }
  }

  /** Puts chunks into the ring, and those that do not fit into the queue. */
  #fill(chunks: readonly Uint8Array[]): void {
    const { outgoing } = this.#link;
    for (let index = 0; index < chunks.length; index++) {
      const chunk = chunks[index] as Uint8Array;
      const written = outgoing.write(chunk);
      if (written === chunk.length) continue;
      this.#queue = [chunk.subarray(written), ...chunks.slice(index + 1)];
      outgoing.awaitRoom();
      return;
    }
  }

  #drainQueue(): void {
    if (this.#queue.length === 0) return;
    const chunks = this.#queue;
    this.#queue = [];
    this.#fill(chunks);
    this.#link.wake();
    if (this.#queue.length > 0) return;
    if (this.#weHaveEnded) this.#link.tell({ type: 'end' });
    if (!this.#owesDrained) return;
    this.#owesDrained = false;
    this.#tell((sink) => sink.drained());
  }

  /** A sink that throws ends the channel, and nothing else. */
  #tell(work: (sink: ByteSink) => void): void {
    if (this.#sink === undefined) return;
    try {
      work(this.#sink);
    } catch (error) {
      this.destroy(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Tells the end when every byte before it has been delivered, and settles when that is done. */
  #finish(): void {
    if (this.#end !== undefined && this.#sink !== undefined && !this.#hasToldEnd && this.#mayTellEnd) {
      this.#hasToldEnd = true;
      const { cause } = this.#end;
      this.#tell((sink) => sink.ended(cause));
    }
    if (this.#reason === undefined) return;
    if (this.#hasToldEnd || this.#sink === undefined) this.#settle(this.#reason);
    if (this.#isReleased || !(this.#hasToldEnd || this.#isDestroyed)) return;
    this.#isReleased = true;
    this.#queue = [];
    this.#release();
  }

  /** Bytes come before the end, unless they are not wanted any more, or nobody takes them from a connection that broke. */
  get #mayTellEnd(): boolean {
    if (this.#isDestroyed) return this.#reason !== undefined;
    if (this.#isPaused) return this.#reason?.by === 'error';
    return this.#undelivered === 0;
  }
}
