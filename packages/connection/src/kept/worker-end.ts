/** The worker's end of a kept connection: moves bytes between a channel and two rings. */
import type { MessagePort } from 'node:worker_threads';
import type { ByteChannel, ByteSink, CloseReason } from '@nbdjs/interfaces';
import { toErrorRecord } from '@nbdjs/kit';
import type { PollLoop, PollMember } from './poll-loop.ts';
import { type CallerMessage, type LinkMemory, RingLink, type WorkerMessage } from './ring-link.ts';

/** Memory for one delivery while the ring is full, in bytes. */
const overflowBytes = 16 * 1024;

/** Bytes that are too few for the caller to act on are announced after this long at the latest, in milliseconds. */
const lateWakeMs = 20;

/**
 * Waking a thread costs as much as decrypting this many bytes. Where so many arrive at once, more are likely to follow, and they
 * are announced together.
 */
const streamBytesMin = 64 * 1024;

/** How long the announcement of such bytes is delayed at most, in milliseconds. */
const lingerMs = 1;

const noBytes = new Uint8Array(0);

/**
 * A channel's sink whose memory is the ring itself: the kernel writes where the caller reads. Bytes to send go from the ring
 * to the channel without a copy, and their part of the ring stays lent until the channel has finished with it.
 */
export class WorkerEnd implements ByteSink, PollMember {
  readonly #channel: ByteChannel;
  readonly #link: RingLink<CallerMessage, WorkerMessage>;
  readonly #pollLoop: PollLoop;
  /** The longest piece that is sent at once, so that the caller can fill the rest of the ring meanwhile. */
  readonly #pieceBytesMax: number;
  /** The memory that the channel was given last: it asks before each delivery, and again after it. */
  #target: Uint8Array | undefined;
  /** The same memory when it does not belong to the ring. */
  #overflowTarget: Uint8Array | undefined;
  /** Bytes that came while the ring was full; they are written to it before all later ones. */
  #overflow: Uint8Array[] = [];
  #isPaused = false;
  /** `received`: bytes have arrived since the last poll. */
  #polling: 'off' | 'idle' | 'received' = 'off';
  /** The time since which there are bytes in the ring that were not announced to the caller. */
  #unannouncedSinceMs: number | undefined;
  #lateWake: NodeJS.Timeout | undefined;
  /** Bytes of the ring that are lent to the channel. */
  #lentBytes = 0;
  /** `ending`: the caller has ended its direction, and the channel's `end` has not been called yet. */
  #sending: 'open' | 'ending' | 'ended' = 'open';
  /** The channel's end of input, until it is reported to the caller. */
  #unreportedEnd: { readonly cause: Error | undefined } | undefined;
  #isClosed = false;

  /** Takes over `channel` and `port`, and releases both when either side has closed. */
  constructor(channel: ByteChannel, memory: LinkMemory, port: MessagePort, pollLoop: PollLoop) {
    this.#channel = channel;
    this.#pollLoop = pollLoop;
    this.#pieceBytesMax = memory.sendBytes / 4;
    this.#link = new RingLink(memory, 'worker', port, {
      woken: () => this.#work(),
      received: (message) => this.#obey(message),
      lost: () => channel.destroy(),
    });
    channel.open(this);
    void channel.closed.then((reason) => this.#close(reason));
  }

  writable(): Uint8Array {
    this.#target ??= this.#chooseTarget();
    return this.#target;
  }

  advance(byteCount: number): void {
    const { outgoing } = this.#link;
    this.#target = undefined;
    if (this.#overflowTarget === undefined) {
      outgoing.commit(byteCount);
    } else {
      this.#overflow.push(this.#overflowTarget.slice(0, byteCount));
      this.#writeOverflow();
    }
    this.#startPolling();
    if (this.#overflow.length > 0 || outgoing.free < outgoing.capacity / 4) this.#pause();
  }

  drained(): void {
    // A late call must not change memory that another connection may use by now.
    if (this.#isClosed) return;
    this.#link.incoming.release(this.#lentBytes);
    this.#lentBytes = 0;
    this.#work();
  }

  ended(cause?: Error): void {
    if (this.#isClosed) return;
    this.#unreportedEnd = { cause };
    this.#tellEnd();
  }

  /** Sends what the caller has written meanwhile, and announces what has arrived: at once, or together with what follows. */
  poll(isQuiet: boolean): boolean {
    if (this.#isClosed) return false;
    this.#moveBytes();
    const hasReceived = this.#polling === 'received';
    this.#polling = 'idle';
    if (hasReceived) this.#unannouncedSinceMs ??= performance.now();
    const isStreaming = this.#isStreaming;
    if (isStreaming && !isQuiet && !this.#isAnnouncementDue) return true;
    if (this.#unannouncedSinceMs !== undefined) this.#announceBytes();
    if (isStreaming && hasReceived && !isQuiet) return true;
    this.#polling = 'off';
    this.#work();
    return false;
  }

  #chooseTarget(): Uint8Array {
    const target = this.#overflow.length === 0 ? this.#link.outgoing.writable() : noBytes;
    this.#overflowTarget = target.length === 0 ? new Uint8Array(overflowBytes) : undefined;
    return this.#overflowTarget ?? target;
  }

  #obey(message: CallerMessage): void {
    if (this.#isClosed) return;
    if (message.type === 'end') this.#sending = 'ending';
    this.#work();
    // Bytes that were sent before leave first, as they would from the caller's own socket.
    if (message.type === 'destroy') this.#channel.destroy();
  }

  /** Moves all bytes that can be moved, and once more after wake-ups are messages again: some may have come in between. */
  #work(): void {
    if (this.#isClosed) return;
    this.#moveBytes();
    // While polling, we look at the rings without being woken.
    if (this.#polling !== 'off') return;
    this.#link.rest();
    this.#moveBytes();
  }

  #moveBytes(): void {
    this.#sendBytes();
    this.#writeOverflow();
    this.#resumeIfRoom();
    this.#tellEnd();
  }

  /** Sends what the caller has written, until the channel has enough. */
  #sendBytes(): void {
    const { incoming } = this.#link;
    while (this.#lentBytes === 0) {
      const bytes = incoming.readable();
      if (bytes.length === 0) break;
      const piece = bytes.subarray(0, this.#pieceBytesMax);
      if (this.#channel.send([piece])) incoming.release(piece.length);
      else this.#lentBytes = piece.length;
    }
    if (incoming.owesRoom()) this.#link.wake();
    if (this.#sending !== 'ending' || this.#lentBytes > 0 || incoming.available > 0) return;
    this.#sending = 'ended';
    this.#channel.end();
  }

  /** Bytes have arrived: from now on, and while more do, the loop looks at the rings without being woken. */
  #startPolling(): void {
    const isPolling = this.#polling !== 'off';
    this.#polling = 'received';
    this.#pollLoop.join(this);
    if (!isPolling) this.#link.attend();
  }

  /** Whether many bytes arrive at a time. A caller that gets few at a time waits for them, so they are announced at once. */
  get #isStreaming(): boolean {
    const { free, capacity } = this.#link.outgoing;
    return capacity - free >= streamBytesMin;
  }

  /** Whether bytes have to be announced even if more are about to arrive. */
  get #isAnnouncementDue(): boolean {
    const { free, capacity } = this.#link.outgoing;
    if (free <= capacity / 2) return true;
    return this.#unannouncedSinceMs === undefined || performance.now() - this.#unannouncedSinceMs >= lingerMs;
  }

  /** Wakes the caller if it can act on the bytes that are there: a wake-up costs more than decrypting a record of TLS. */
  #announceBytes(): void {
    this.#unannouncedSinceMs = undefined;
    if (this.#link.outgoing.isWanted) this.#link.wake();
    else this.#lateWake ??= setTimeout(() => this.#wakeLate(), lateWakeMs).unref();
  }

  /** Announces bytes that arrive slowly as well: the caller may check whether anything arrives. */
  #wakeLate(): void {
    this.#lateWake = undefined;
    if (!this.#isClosed) this.#link.wake();
  }

  #pause(): void {
    this.#isPaused = true;
    this.#channel.pause(true);
    this.#resumeIfRoom();
  }

  #resumeIfRoom(): void {
    if (!this.#isPaused || this.#overflow.length > 0 || !this.#requestRoom()) return;
    this.#isPaused = false;
    this.#channel.pause(false);
  }

  /** Returns whether half the ring is free. If it is not, the caller will wake us when it is. */
  #requestRoom(): boolean {
    const { outgoing } = this.#link;
    if (outgoing.free >= outgoing.capacity / 2) return true;
    outgoing.awaitRoom();
    // The caller may have made room before it could read that we wait for it.
    return outgoing.free >= outgoing.capacity / 2;
  }

  #writeOverflow(): void {
    const { outgoing } = this.#link;
    for (let first = this.#overflow[0]; first !== undefined; first = this.#overflow[0]) {
      const written = outgoing.write(first);
      if (written > 0) this.#link.wake();
      if (written === first.length) {
        this.#overflow.shift();
        continue;
      }
      this.#overflow[0] = first.subarray(written);
      if (!this.#requestRoom()) return;
    }
  }

  /** Reports the end to the caller once all bytes before it are in the ring. */
  #tellEnd(): void {
    if (this.#unreportedEnd === undefined || this.#overflow.length > 0) return;
    const { cause } = this.#unreportedEnd;
    this.#unreportedEnd = undefined;
    this.#link.tell({ type: 'ended', ...(cause === undefined ? {} : { cause: toErrorRecord(cause) }) });
  }

  #close({ by, ...rest }: CloseReason): void {
    this.#isClosed = true;
    clearTimeout(this.#lateWake);
    const cause = 'cause' in rest ? rest.cause : undefined;
    this.#link.tell({ type: 'closed', by, ...(cause === undefined ? {} : { cause: toErrorRecord(cause) }) });
    this.#link.close();
  }
}
