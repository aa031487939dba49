/**
 * When a system call may be made on the event loop, without a thread: as long as such calls are quick. A filesystem that is slow, or
 * that makes its callers wait, would hold up all other work of the event loop.
 */
import type { Clock } from '@nbdjs/interfaces';
import { GrowingDelay } from '@nbdjs/kit';

/** A call that took longer has waited for something. In milliseconds. */
const slowMs = 5;
/** How long threads then make the calls; twice as long if the next attempt is slow, too. In milliseconds. */
const pauseMs = 1000;
const pauseMsMax = 60_000;

export class InlineCalls {
  readonly #clock: Clock;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  readonly #pause = new GrowingDelay({ firstMs: pauseMs, mostMs: pauseMsMax });

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether a call may be tried at once. */
  get isQuick(): boolean {
    return this.#pausedUntil === Number.NEGATIVE_INFINITY || this.#clock.now() >= this.#pausedUntil;
  }

  /** Makes a call, and remembers how long it took. */
  run<Result>(call: () => Result): Result {
    const start = this.#clock.now();
    try {
      return call();
    } finally {
      const end = this.#clock.now();
      if (end - start > slowMs) {
        this.#pausedUntil = end + this.#pause.next();
      } else if (this.#pausedUntil !== Number.NEGATIVE_INFINITY) {
        this.#pausedUntil = Number.NEGATIVE_INFINITY;
        this.#pause.reset();
      }
    }
  }
}
