/** The keeper's end of a kept connection: carries bytes between a channel and two rings. */

import type { MessagePort } from 'node:worker_threads';
import type { ByteChannel, ByteSink, CloseReason } from '@nbdjs/interfaces';
import { toErrorRecord } from '@nbdjs/kit';
import type { PollLoop, PollMember } from './poll-loop.ts';
import { type CallerMessage, type LinkMemory, RingLink, type WorkerMessage } from './ring-link.ts';

/** So much memory is given for a delivery while the ring is full. */
const spillBytes = 16 * 1024;

/** Bytes that the owner can do nothing with yet lie in the ring for so long at most, in milliseconds. */
const patienceMs = 20;

/**
 * To wake a thread costs as much as to decrypt this many bytes. Where so many come at once more are likely to follow, and they are
 * told together.
 */
const streamBytesMin = 64 * 1024;
/** For so long at most, in milliseconds. */
const lingerMs = 1;

/**
 * A channel's sink whose memory is the ring itself, so that the kernel writes where the owner reads. What it is to send
 * goes to the channel from the ring, without a copy; the ring's memory stays lent until the channel is through with it.
 */
export class WorkerEnd implements ByteSink, PollMember {
  readonly #channel: ByteChannel;
  readonly #link: RingLink<CallerMessage, WorkerMessage>;
  readonly #rounds: PollLoop;
  /** The longest piece that is sent at once: small enough that the owner can fill the rest of the ring meanwhile. */
  readonly #pieceBytes: number;
  /** The memory that was given last: channels ask before each delivery, and after it. */
  #named: Uint8Array | undefined;
  /** The same, when it is not the ring's. */
  #spill: Uint8Array | undefined;
  /** Bytes that found the ring full, and come before all others. */
  #spilled: Uint8Array[] = [];
  #isPaused = false;
  #isInRounds = false;
  /** Something has come since the last round. */
  #hasReceived = false;
  /** Since when something has been in the ring that the owner has not been told of. */
  #untoldSinceMs: number | undefined;
  #lateWake: NodeJS.Timeout | undefined;
  /** Bytes of the ring that are lent to the channel. */
  #lentBytes = 0;
  #ownerHasEnded = false;
  /** The channel has been told so. */
  #hasEnded = false;
  #end: { readonly cause: Error | undefined } | undefined;
  #hasToldEnd = false;
  #hasClosed = false;

  /** `channel` and `port` are given; both are released when either end is through. */
  constructor(channel: ByteChannel, memory: LinkMemory, port: MessagePort, rounds: PollLoop) {
    this.#channel = channel;
    this.#rounds = rounds;
    this.#pieceBytes = memory.sendBytes / 4;
    this.#link = new RingLink(memory, 'keeper', port, {
      woken: () => this.#work(),
      told: (message) => this.#hear(message),
      lost: () => channel.destroy(),
    });
    channel.open(this);
    void channel.closed.then((reason) => this.#closed(reason));
  }

  writable(): Uint8Array {
    this.#named ??= this.#name();
    return this.#named;
  }

  #name(): Uint8Array {
    const target = this.#spilled.length === 0 ? this.#link.outgoing.writable() : nothing;
    this.#spill = target.length === 0 ? new Uint8Array(spillBytes) : undefined;
    return this.#spill ?? target;
  }

  advance(byteCount: number): void {
    const { outgoing } = this.#link;
    this.#named = undefined;
    if (this.#spill === undefined) {
      outgoing.commit(byteCount);
    } else {
      this.#spilled.push(this.#spill.slice(0, byteCount));
      this.#pourSpilled();
    }
    this.#join();
    if (this.#spilled.length > 0 || outgoing.free < outgoing.capacity / 4) this.#pause();
  }

  drained(): void {
    // A word that comes late must not touch memory that may serve another connection by now.
    if (this.#hasClosed) return;
    this.#link.incoming.release(this.#lentBytes);
    this.#lentBytes = 0;
    this.#work();
  }

  ended(cause?: Error): void {
    if (this.#hasClosed) return;
    this.#end = { cause };
    this.#tellEnd();
  }

  #hear(message: CallerMessage): void {
    if (this.#hasClosed) return;
    if (message.type === 'end') this.#ownerHasEnded = true;
    this.#work();
    // What was sent before goes first, as it would from a socket of the owner's own.
    if (message.type === 'destroy') this.#channel.destroy();
  }

  /** Moves whatever can be moved, both ways; then once more, for what came before wake-ups were calls again. */
  #work(): void {
    if (this.#hasClosed) return;
    this.#move();
    // In rounds we look by ourselves.
    if (this.#isInRounds) return;
    this.#link.rest();
    this.#move();
  }

  #move(): void {
    this.#forward();
    this.#pourSpilled();
    this.#resume();
    this.#tellEnd();
  }

  /** Sends what the owner has put into its ring, until the channel has enough for now. */
  #forward(): void {
    const { incoming } = this.#link;
    while (this.#lentBytes === 0) {
      const bytes = incoming.readable();
      if (bytes.length === 0) break;
      const piece = bytes.subarray(0, this.#pieceBytes);
      if (this.#channel.send([piece])) incoming.release(piece.length);
      else this.#lentBytes = piece.length;
    }
    if (incoming.owesRoom()) this.#link.wake();
    if (!this.#ownerHasEnded || this.#hasEnded || this.#lentBytes > 0 || incoming.available > 0) return;
    this.#hasEnded = true;
    this.#channel.end();
  }

  /** Bytes have come: from now on, and while more do, we look at the rings without being woken. */
  #join(): void {
    this.#hasReceived = true;
    this.#rounds.join(this);
    if (this.#isInRounds) return;
    this.#isInRounds = true;
    this.#link.attend();
  }

  /** Sends what the owner has given us meanwhile, and tells it of what has come: at once, or when more has. */
  round(isQuiet: boolean): boolean {
    if (this.#hasClosed) return false;
    this.#move();
    const hasReceived = this.#hasReceived;
    this.#hasReceived = false;
    if (hasReceived) this.#untoldSinceMs ??= performance.now();
    const isStreaming = this.#isStreaming;
    if (isStreaming && !isQuiet && !this.#isDue) return true;
    if (this.#untoldSinceMs !== undefined) this.#tellOwner();
    if (isStreaming && hasReceived && !isQuiet) return true;
    this.#isInRounds = false;
    this.#work();
    return false;
  }

  /** Whoever gets little at a time waits for it, and is not made to wait for more. */
  get #isStreaming(): boolean {
    const { free, capacity } = this.#link.outgoing;
    return capacity - free >= streamBytesMin;
  }

  /** Whether the owner should be told even if more is about to come. */
  get #isDue(): boolean {
    const { free, capacity } = this.#link.outgoing;
    if (free <= capacity / 2) return true;
    return this.#untoldSinceMs === undefined || performance.now() - this.#untoldSinceMs >= lingerMs;
  }

  /** Wakes the owner if it can do something with what is there; a call costs more than a record of TLS does. */
  #tellOwner(): void {
    this.#untoldSinceMs = undefined;
    if (this.#link.outgoing.isWanted) this.#link.wake();
    else this.#lateWake ??= setTimeout(() => this.#wakeLate(), patienceMs).unref();
  }

  /** What comes slowly is told all the same: somebody may watch whether anything comes. */
  #wakeLate(): void {
    this.#lateWake = undefined;
    if (!this.#hasClosed) this.#link.wake();
  }

  #pause(): void {
    this.#isPaused = true;
    this.#channel.pause(true);
    this.#resume();
  }

  #resume(): void {
    if (!this.#isPaused || this.#spilled.length > 0 || !this.#hasRoom()) return;
    this.#isPaused = false;
    this.#channel.pause(false);
  }

  /** Whether half the ring is free. If not, the owner will tell when it is. */
  #hasRoom(): boolean {
    const { outgoing } = this.#link;
    if (outgoing.free >= outgoing.capacity / 2) return true;
    outgoing.awaitRoom();
    // The owner may have made room before it could know that we wait for it.
    return outgoing.free >= outgoing.capacity / 2;
  }

  #pourSpilled(): void {
    const { outgoing } = this.#link;
    for (let first = this.#spilled[0]; first !== undefined; first = this.#spilled[0]) {
      const written = outgoing.write(first);
      if (written > 0) this.#link.wake();
      if (written === first.length) {
        this.#spilled.shift();
        continue;
      }
      this.#spilled[0] = first.subarray(written);
      if (!this.#hasRoom()) return;
    }
  }

  #tellEnd(): void {
    if (this.#end === undefined || this.#hasToldEnd || this.#spilled.length > 0) return;
    this.#hasToldEnd = true;
    const { cause } = this.#end;
    this.#link.tell({ type: 'ended', ...(cause === undefined ? {} : { cause: toErrorRecord(cause) }) });
  }

  #closed({ by, ...rest }: CloseReason): void {
    this.#hasClosed = true;
    clearTimeout(this.#lateWake);
    const cause = 'cause' in rest ? rest.cause : undefined;
    this.#link.tell({ type: 'closed', by, ...(cause === undefined ? {} : { cause: toErrorRecord(cause) }) });
    this.#link.close();
  }
}

const nothing = new Uint8Array(0);
