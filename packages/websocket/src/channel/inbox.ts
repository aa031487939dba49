/** From messages of any length to the memory that a sink names, with everything that waits in between. */
import type { ByteSink } from '@nbdjs/interfaces';
import { namedBy, StreamEnd, toError } from '@nbdjs/kit';

/** The channel that delivers. */
export interface InboxOwner {
  /** The sink has thrown, or more waits here than may. */
  destroy(cause: Error): void;
  /** The sink has been told of the end. */
  endTold(): void;
}

export class Inbox {
  readonly #owner: InboxOwner;
  /** Messages that wait, the first of them perhaps in part. */
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  /** Bytes of the first message that are delivered. */
  #position = 0;
  #sink: ByteSink | undefined;
  #isPaused = false;
  /** A delivery is under way: it takes what is added meanwhile. */
  #isDelivering = false;
  readonly #end = new StreamEnd();

  constructor(owner: InboxOwner) {
    this.#owner = owner;
  }

  /** Bytes that have come and that the sink has not been given. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** See `ByteChannel.open`. */
  open(sink: ByteSink): void {
    this.#sink = sink;
    this.#deliverSoon();
  }

  pause(paused: boolean): void {
    this.#isPaused = paused;
    if (!paused) this.#deliverSoon();
  }

  /** Takes a message, whose memory belongs to the inbox from now on, and delivers as much as the sink takes. */
  add(message: Uint8Array): void {
    if (this.#end.hasCome || message.length === 0) return;
    this.#waiting.push(message);
    this.#waitingBytes += message.length;
    this.#deliver();
  }

  /** Takes bytes in memory that is used again after the call: what the sink does not take now is copied. */
  addView(bytes: Uint8Array): void {
    if (this.#end.hasCome) return;
    let position = 0;
    for (
      let target = this.directTarget();
      target !== undefined && position < bytes.length;
      target = this.directTarget()
    ) {
      const byteCount = Math.min(target.length, bytes.length - position);
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      this.landed(byteCount);
      if (position === bytes.length) return;
    }
    this.add(bytes.slice(position));
  }

  /** Returns the sink's memory, if the next bytes may go there; then `landed` has to follow. */
  directTarget(): Uint8Array | undefined {
    const isFree = !this.#isPaused && !this.#isDelivering && this.#waitingBytes === 0 && !this.#end.hasCome;
    if (!isFree) return undefined;
    let target: Uint8Array | undefined;
    this.#call((sink) => {
      target = namedBy(sink);
    });
    return target;
  }

  /** Bytes have landed at the start of what `directTarget` has returned last. */
  landed(byteCount: number): void {
    if (!this.#end.hasCome) this.#call((sink) => sink.advance(byteCount));
  }

  /** No more bytes will come. The sink is told when those that wait are delivered. */
  end(cause: Error | undefined): void {
    this.#end.come(cause);
    this.#deliver();
  }

  /** Drops what waits, so that the end is all that the sink is told from now on, in a later turn. */
  drop(cause: Error | undefined): void {
    this.#end.come(cause);
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
    this.#deliverSoon();
  }

  /** Tells the sink that everything was sent. */
  tellDrained(): void {
    if (this.#sink !== undefined && !this.#end.hasCome) this.#call((sink) => sink.drained());
  }

  /** A sink is never called from within a call of the channel. */
  #deliverSoon(): void {
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    while (this.#sink !== undefined && !this.#isPaused && this.#waitingBytes > 0)
      this.#call((sink) => this.#step(sink));
    this.#isDelivering = false;
    if (this.#waitingBytes === 0) this.#tellEnd();
  }

  /** Copies as much of the first message as fits the memory that the sink names. */
  #step(sink: ByteSink): void {
    const [message] = this.#waiting;
    if (message === undefined) return;
    const target = namedBy(sink);
    // The sink may have ended the channel meanwhile, so that nothing waits any more.
    if (message !== this.#waiting[0]) return;
    const byteCount = Math.min(target.length, message.length - this.#position);
    target.set(message.subarray(this.#position, this.#position + byteCount));
    this.#position += byteCount;
    this.#waitingBytes -= byteCount;
    if (this.#position === message.length) {
      this.#waiting.shift();
      this.#position = 0;
    }
    sink.advance(byteCount);
  }

  #tellEnd(): void {
    const sink = this.#sink;
    if (!this.#end.hasCome || sink === undefined || this.#end.isKnownTo(sink)) return;
    this.#call(() => this.#end.tell(sink));
    this.#owner.endTold();
  }

  /** A sink that throws ends the channel with its error. */
  #call(work: (sink: ByteSink) => void): void {
    try {
      if (this.#sink !== undefined) work(this.#sink);
    } catch (error) {
      this.#owner.destroy(toError(error));
    }
  }
}
