/** A pause after trials that failed: each time a longer one, until a trial succeeds. */
import type { Clock } from '@nbdjs/interfaces';
import { GrowingDelay } from '@nbdjs/kit';

/** The first pause; twice as long if the next trial fails, too. In milliseconds. */
const pauseMs = 1000;
const pauseMsMax = 60_000;

export class TrialPause {
  readonly #clock: Clock;
  readonly #pause = new GrowingDelay({ firstMs: pauseMs, mostMs: pauseMsMax });
  #until = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether there may be a trial now. */
  get isOver(): boolean {
    return this.#until === Number.NEGATIVE_INFINITY || this.#clock.now() >= this.#until;
  }

  /** A trial has failed. */
  begin(nowMs: number): void {
    this.#until = nowMs + this.#pause.next();
  }

  /** A trial has succeeded. */
  end(): void {
    if (this.#until === Number.NEGATIVE_INFINITY) return;
    this.#until = Number.NEGATIVE_INFINITY;
    this.#pause.reset();
  }
}
