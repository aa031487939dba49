/** Delays between two attempts. */

/** The first delay, in milliseconds; each further one is twice as long. */
const firstDelayMs = 1000;

/** No delay is longer than this before jitter, in milliseconds. */
const delayMsMax = 16_000;

/** A delay is up to this fraction longer or shorter, so that the clients of one server do not all return at once. */
const jitterFraction = 0.2;

/** The delays 1, 2, 4, 8, 16, 16, ... seconds, each a little longer or shorter. */
export class BackOff {
  readonly #jitter: () => number;
  #nextMs = firstDelayMs;

  /** @param jitter Returns numbers from 0 (shortest delay) to 1 (longest); 0.5 means no jitter. */
  constructor(jitter: () => number = Math.random) {
    this.#jitter = jitter;
  }

  /** Returns the next delay in milliseconds. */
  next(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(delayMs * 2, delayMsMax);
    return Math.round(delayMs * (1 + jitterFraction * (2 * this.#jitter() - 1)));
  }

  /** Begins again with the shortest delay. */
  reset(): void {
    this.#nextMs = firstDelayMs;
  }
}

/** Returns how long the first `count` delays take together at most, in milliseconds. */
export function longestDelaysMs(count: number): number {
  const backOff = new BackOff(() => 1);
  let totalMs = 0;
  for (let delay = 0; delay < count; delay++) totalMs += backOff.next();
  return totalMs;
}
