/**
 * When a system call may be made on the event loop, without a thread: as long as such calls are quick. A filesystem that is slow, or
 * that makes its callers wait, would hold up all other work of the event loop.
 */
import type { Clock } from '@nbdjs/interfaces';
import { TrialPause } from './trial-pause.ts';

/** A call that took longer has waited for something. In milliseconds. */
const slowMs = 5;

export class InlineCalls {
  readonly #clock: Clock;
  /** While threads make the calls. */
  readonly #pause: TrialPause;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#pause = new TrialPause(clock);
  }

  /** Whether a call may be tried at once. */
  get isQuick(): boolean {
    return this.#pause.isOver;
  }

  /** Makes a call, and remembers how long it took. */
  run<Result>(call: () => Result): Result {
    const start = this.#clock.now();
    try {
      return call();
    } finally {
      const end = this.#clock.now();
      if (end - start > slowMs) this.#pause.begin(end);
      else this.#pause.end();
    }
  }
}
