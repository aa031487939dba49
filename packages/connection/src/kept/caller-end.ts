/** The caller's end of a kept connection: a `ByteChannel` whose socket is on the worker's thread. */
import type { MessagePort } from 'node:worker_threads';
import {
  type ByteChannel,
  type ByteSink,
  type CloseReason,
  ConnectError,
  type PeerDescription,
} from '@nbdjs/interfaces';
import { fromErrorRecord, toError } from '@nbdjs/kit';
import { type CallerMessage, type LinkMemory, RingLink, type WorkerMessage } from './ring-link.ts';
import { copyShared } from './shared-memory.ts';

/** After this many bytes in one turn of the loop, in capacities of the ring, other tasks get their turn. */
const ringsPerTurn = 4;

/** The states of the channel.
 *
 * - `open`: the socket is open, as far as is known here.
 * - `destroyed`: the caller has destroyed it, and the worker has not confirmed that the socket is closed.
 * - `closed`: the socket is closed; bytes that came before are still delivered.
 * - `discarded`: the socket is closed, and the caller takes no more bytes.
 */
type Phase = 'open' | 'destroyed' | 'closed' | 'discarded';

/**
 * Copies what the worker has received into the sink's memory, and what the caller sends into the other ring. The sink is called
 * only from the message port or from a turn of its own, never from within a call of the caller's.
 */
export class CallerEnd implements ByteChannel {
  readonly peer: PeerDescription;
  readonly closed: Promise<CloseReason>;
  readonly #link: RingLink<WorkerMessage, CallerMessage>;
  readonly #bytesPerTurn: number;
  /** Releases the rings; `undefined` once that is done, after which they may serve another connection. */
  #release: (() => void) | undefined;
  #phase: Phase = 'open';
  #sink: ByteSink | undefined;
  #isPaused = false;
  /** Chunks that did not fit into the ring. They are lent, and `drained` of the sink is still to be called. */
  #queue: Uint8Array[] = [];
  #hasEnded = false;
  /** The worker's message that no more bytes will come, and why. */
  #end: { readonly cause: Error | undefined } | undefined;
  #sinkToldOfEnd: ByteSink | undefined;
  /** Why the caller has destroyed the channel. */
  #destroyCause: Error | undefined;
  /** How the socket was closed, as the worker has reported. */
  #closeReason: CloseReason | undefined;
  #resolveClosed!: (reason: CloseReason) => void;
  #isWorkScheduled = false;

  /** `release` is called when neither side uses `memory` any more, so that it may serve another connection. */
  constructor(memory: LinkMemory, port: MessagePort, peer: PeerDescription, release = () => {}) {
    this.peer = peer;
    this.#release = release;
    this.#bytesPerTurn = ringsPerTurn * memory.receiveBytes;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#link = new RingLink(memory, 'caller', port, {
      woken: () => this.#work(),
      received: (message) => this.#note(message),
      lost: () => this.#loseWorker(),
    });
  }

  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#sinkToldOfEnd = undefined;
    this.#scheduleWork();
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#phase !== 'open' || this.#hasEnded) return true;
    if (this.#queue.length === 0) {
      this.#fillRing(chunks);
      this.#link.wake();
    } else {
      this.#queue.push(...chunks);
    }
    return this.#queue.length === 0;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) this.#scheduleWork();
  }

  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#queue.length === 0) this.#link.tell({ type: 'end' });
  }

  destroy(cause?: Error): void {
    if (this.#phase === 'open') {
      this.#phase = 'destroyed';
      this.#link.tell({ type: 'destroy' });
    } else if (this.#phase === 'closed') {
      this.#phase = 'discarded';
      this.#scheduleWork();
    } else {
      return;
    }
    this.#destroyCause = cause;
    this.#queue = [];
  }

  keepAlive(on: boolean): void {
    this.#link.keepAlive(on);
  }

  #note(message: WorkerMessage): void {
    const cause = message.cause === undefined ? undefined : fromErrorRecord(message.cause);
    if (message.type === 'ended') {
      this.#end = { cause };
      this.#work();
      return;
    }
    this.#link.close();
    const ownCause = this.#destroyCause ?? cause;
    if (message.by === 'us') this.#close({ by: 'us', cause: ownCause }, ownCause);
    else this.#close(cause === undefined ? { by: 'peer' } : { by: 'error', cause }, ownCause);
  }

  /** The worker's thread has ended, and the socket with it. */
  #loseWorker(): void {
    const cause = new ConnectError(
      'ERR_NBD_WORKER',
      `${this.peer.name}: the thread that kept the connection has ended unexpectedly`,
    );
    if (this.#phase === 'destroyed') this.#close({ by: 'us', cause: this.#destroyCause }, this.#destroyCause);
    else this.#close({ by: 'error', cause }, cause);
  }

  #close(reason: CloseReason, endCause: Error | undefined): void {
    this.#phase = this.#phase === 'destroyed' ? 'discarded' : 'closed';
    this.#closeReason = reason;
    this.#end ??= { cause: endCause };
    this.#work();
  }

  #scheduleWork(): void {
    if (this.#isWorkScheduled) return;
    this.#isWorkScheduled = true;
    setImmediate(() => {
      this.#isWorkScheduled = false;
      this.#work();
    });
  }

  /** Moves all bytes that can be moved, then rests, unless more have come meanwhile. */
  #work(): void {
    this.#drainQueue();
    this.#deliverBytes();
    this.#finishIfOver();
    if (this.#isWorkScheduled || this.#closeReason !== undefined) return;
    this.#link.rest();
    const mayDeliver = this.#mayDeliver && this.#link.incoming.wants(this.#sink?.missing ?? 1);
    const maySend = this.#queue.length > 0 && this.#link.outgoing.free >= this.#link.outgoing.capacity / 2;
    if (mayDeliver || maySend) this.#scheduleWork();
  }

  get #mayDeliver(): boolean {
    if (this.#sink === undefined || this.#isPaused || this.#release === undefined) return false;
    return this.#phase === 'open' || this.#phase === 'closed';
  }

  #deliverBytes(): void {
    const { incoming } = this.#link;
    let budget = this.#bytesPerTurn;
    while (this.#mayDeliver && budget > 0) {
      const bytes = incoming.readable();
      if (bytes.length === 0) return;
      const byteCount = this.#copyToSink(bytes);
      if (byteCount === 0) return;
      budget -= byteCount;
      if (incoming.owesRoom()) this.#link.wake();
    }
    if (this.#mayDeliver) this.#scheduleWork();
  }

  /** Copies bytes to the sink's memory, frees their part of the ring, and only then calls the sink. Returns how many. */
  #copyToSink(bytes: Uint8Array): number {
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
      this.#destroyAfter(error);
      return 0;
    }
  }

  /** Copies chunks into the ring, and queues those that do not fit. */
  #fillRing(chunks: readonly Uint8Array[]): void {
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
    this.#fillRing(chunks);
    this.#link.wake();
    if (this.#queue.length > 0) return;
    if (this.#hasEnded) this.#link.tell({ type: 'end' });
    this.#callSink((sink) => sink.drained());
  }

  /** Calls the sink. An exception of the sink ends the channel, and is not thrown on. */
  #callSink(call: (sink: ByteSink) => void): void {
    if (this.#sink === undefined) return;
    try {
      call(this.#sink);
    } catch (error) {
      this.#destroyAfter(error);
    }
  }

  #destroyAfter(error: unknown): void {
    this.destroy(toError(error));
  }

  /** Reports the end to the sink when all bytes before it are delivered; then resolves `closed` and releases the rings. */
  #finishIfOver(): void {
    const sink = this.#sink;
    if (this.#end !== undefined && sink !== undefined && this.#sinkToldOfEnd === undefined && this.#mayTellEnd) {
      this.#sinkToldOfEnd = sink;
      const { cause } = this.#end;
      this.#callSink(() => sink.ended(cause));
    }
    if (this.#closeReason === undefined) return;
    const isEndTold = this.#sinkToldOfEnd !== undefined;
    if (isEndTold || this.#sink === undefined) this.#resolveClosed(this.#closeReason);
    if (!isEndTold && this.#phase !== 'discarded') return;
    const release = this.#release;
    this.#release = undefined;
    this.#queue = [];
    release?.();
  }

  /** Bytes come before the end, unless the caller has destroyed the channel, or does not read from a connection that broke. */
  get #mayTellEnd(): boolean {
    if (this.#phase === 'destroyed') return false;
    if (this.#phase === 'discarded') return true;
    if (this.#isPaused) return this.#closeReason?.by === 'error';
    return this.#release === undefined || this.#link.incoming.available === 0;
  }
}
