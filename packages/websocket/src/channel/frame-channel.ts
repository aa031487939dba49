/** A `ByteChannel` over whole messages: what all kinds of WebSockets have in common. */
import type { ByteChannel, ByteSink, CloseReason, PeerDescription } from '@nbdjs/interfaces';
import { Inbox } from './inbox.ts';

/** What a kind of WebSocket does differently. */
export interface FrameSocket {
  /** Bytes that were sent and that the system has not taken; `undefined` where that is unknown. */
  readonly queuedBytes: number | undefined;
  /** Sends the chunks. Returns whether the caller may use their memory again, and may send more. If not, `sent` is called later. */
  send(chunks: readonly Uint8Array[]): boolean;
  /** Stops or resumes the arrival of messages, as far as that is possible. */
  pause(paused: boolean): void;
  /** Sends what is queued, then begins the closing handshake. */
  end(): void;
  /** The sink has got everything, and has been told of the end. */
  endTold(): void;
  /** Ends the connection now. `closed` is called later. */
  destroy(cause: Error | undefined): void;
  /** Whether it keeps the process alive. */
  keepAlive(on: boolean): void;
}

/** What a `FrameSocket` reports to its channel. */
export interface FrameEvents {
  /** Bytes have come. Their memory belongs to the channel now. */
  received(bytes: Uint8Array): void;
  /** Bytes have come in memory that is used again after the call. */
  arrived(bytes: Uint8Array): void;
  /** Returns the sink's memory, if the next bytes may go there; then `landed` has to follow. */
  directTarget(): Uint8Array | undefined;
  /** Bytes have landed at the start of what `directTarget` has returned last. */
  landed(byteCount: number): void;
  /** What was sent is gone: see `send`. */
  sent(): void;
  /** Something is wrong on this side; the connection has to end. */
  failed(cause: Error): void;
  /** No more bytes come. Without a cause, the peer has ended in good order. */
  ended(cause?: Error): void;
  /** The connection is released; no further call follows. */
  closed(cause?: Error): void;
}

/**
 * A channel's state. `ended`: this side sends no more. `failed`: something went wrong, and the connection is about to end. `destroyed`:
 * its owner has destroyed it. `closed`: the connection has ended.
 */
type Phase = 'open' | 'ended' | 'failed' | 'destroyed' | 'closed';

export class FrameChannel implements ByteChannel {
  readonly peer: PeerDescription;
  readonly closed: Promise<CloseReason>;
  readonly #socket: FrameSocket;
  readonly #inbox: Inbox;
  readonly #backlogBytesMax: number;
  #resolveClosed!: (reason: CloseReason) => void;
  #phase: Phase = 'open';
  #isOpened = false;
  #isPaused = false;
  /** Of `failed` and `destroyed`. */
  #cause: Error | undefined;
  /** `send` has returned `false`, so the sink is owed a `drained`. */
  #owesDrained = false;

  /**
   * @param makeSocket Called once, within the constructor. The socket is paused before it returns.
   * @param backlogBytesMax Bytes that may wait for a sink that has paused the channel.
   */
  constructor(peer: PeerDescription, makeSocket: (events: FrameEvents) => FrameSocket, backlogBytesMax: number) {
    this.peer = peer;
    this.#inbox = new Inbox(this);
    this.#backlogBytesMax = backlogBytesMax;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#socket = makeSocket({
      received: (bytes) => this.#receive(bytes),
      arrived: (bytes) => this.#inbox.addView(bytes),
      directTarget: () => this.#inbox.directTarget(),
      landed: (byteCount) => this.#inbox.landed(byteCount),
      ended: (cause) => this.#inbox.end(cause),
      sent: () => this.#tellDrained(),
      failed: (cause) => this.#fail(cause),
      closed: (cause) => this.#close(cause),
    });
  }

  get queuedBytes(): number | undefined {
    return this.#socket.queuedBytes;
  }

  open(sink: ByteSink): void {
    this.#inbox.open(sink);
    this.#isOpened = true;
    this.#socket.pause(this.#isPaused);
  }

  send(chunks: readonly Uint8Array[]): boolean {
    if (this.#phase !== 'open' || this.#socket.send(chunks)) return true;
    this.#owesDrained = true;
    return false;
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    this.#inbox.pause(paused);
    // Until it is opened, nothing is read.
    if (this.#isOpened) this.#socket.pause(paused);
  }

  end(): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'ended';
    this.#socket.end();
  }

  destroy(cause?: Error): void {
    const before = this.#phase;
    if (before === 'destroyed') return;
    this.#inbox.drop(cause);
    if (before === 'closed') return;
    this.#phase = 'destroyed';
    this.#cause = cause;
    if (before !== 'failed') this.#socket.destroy(cause);
  }

  keepAlive(on: boolean): void {
    this.#socket.keepAlive(on);
  }

  /** Called by the inbox. */
  endTold(): void {
    this.#socket.endTold();
  }

  #receive(message: Uint8Array): void {
    if (this.#phase === 'destroyed') return;
    this.#inbox.add(message);
    const { waitingBytes } = this.#inbox;
    if (waitingBytes > this.#backlogBytesMax) {
      this.#fail(new Error(`the peer sends faster than its bytes are taken: ${waitingBytes} bytes wait`));
    }
  }

  #tellDrained(): void {
    if (!this.#owesDrained || this.#phase === 'destroyed') return;
    this.#owesDrained = false;
    this.#inbox.tellDrained();
  }

  #fail(cause: Error): void {
    if (this.#phase !== 'open' && this.#phase !== 'ended') return;
    this.#phase = 'failed';
    this.#cause = cause;
    this.#inbox.end(cause);
    this.#socket.destroy(cause);
  }

  #close(cause: Error | undefined): void {
    if (this.#phase === 'closed') return;
    const by = this.#phase === 'destroyed' ? 'us' : 'error';
    const reason = this.#phase === 'open' || this.#phase === 'ended' ? cause : this.#cause;
    this.#phase = 'closed';
    this.#inbox.end(reason);
    if (by === 'us') this.#resolveClosed({ by, cause: reason });
    else this.#resolveClosed(reason === undefined ? { by: 'peer' } : { by, cause: reason });
  }
}
