/** The way out to one channel: bytes in order, with pauses between them. */
import type { ByteChannel, Cancel, Clock } from '@nbdjs/interfaces';

/** What waits for the end of a pause. */
type Queued = Uint8Array | { readonly delayMs: number } | { readonly task: () => void };

export class Outlet {
  readonly #channel: ByteChannel;
  readonly #clock: Clock;
  readonly #onFree: () => void;
  #queue: Queued[] = [];
  /** A pause is under way. */
  #cancel: Cancel | undefined;
  /** The channel has not finished with what it was given. */
  #isLent = false;

  /** `onFree` is called when it is not busy any more. */
  constructor(channel: ByteChannel, clock: Clock, onFree: () => void) {
    this.#channel = channel;
    this.#clock = clock;
    this.#onFree = onFree;
  }

  /** Whether more should not come now. It is taken nevertheless. */
  get isBusy(): boolean {
    return this.#isLent || this.#cancel !== undefined;
  }

  /** Sends bytes. Returns whether their memory is free again; else it is when the outlet is not busy any more. */
  send(bytes: Uint8Array): boolean {
    if (bytes.length === 0) return true;
    if (this.#cancel !== undefined) {
      this.#queue.push(bytes);
      return false;
    }
    const isDone = this.#channel.send([bytes]);
    if (!isDone) this.#isLent = true;
    return isDone;
  }

  /** What comes from now on waits, in milliseconds. */
  delay(delayMs: number): void {
    if (this.#cancel !== undefined) this.#queue.push({ delayMs });
    else this.#cancel = this.#clock.schedule(delayMs, () => this.#goOn(), true);
  }

  /** Does something when all before it has been sent. */
  act(task: () => void): void {
    if (this.#cancel !== undefined) this.#queue.push({ task });
    else task();
  }

  /** The channel has finished with all that it was given. */
  drained(): void {
    this.#isLent = false;
    if (!this.isBusy) this.#onFree();
  }

  /** Forgets what waits. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#queue = [];
  }

  #goOn(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#cancel = undefined;
    for (const queued of queue) {
      if (queued instanceof Uint8Array) this.send(queued);
      else if ('task' in queued) this.act(queued.task);
      else this.delay(queued.delayMs);
    }
    if (!this.isBusy) this.#onFree();
  }
}
