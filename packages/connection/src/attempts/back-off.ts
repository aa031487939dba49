/** How long to wait between two attempts. */

/** The first delay, in milliseconds; each further one is twice as long. */
const firstDelayMs = 1000;

/** No delay is longer than this before jitter, in milliseconds. */
const delayMsMax = 16_000;

/** A delay is up to this part longer or shorter, so that many clients of one server do not all return at once. */
const jitterPart = 0.2;

/** The delays 1, 2, 4, 8, 16, 16, ... seconds, each a little longer or shorter. */
export class BackOff {
  readonly #jitter: () => number;
  #nextMs = firstDelayMs;

  /** `jitter` gives numbers from 0 (shortest) to 1 (longest); 0.5 means no jitter. */
  constructor(jitter: () => number = Math.random) {
    this.#jitter = jitter;
  }

  /** The next delay in milliseconds. */
  next(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(delayMs * 2, delayMsMax);
    return Math.round(delayMs * (1 + jitterPart * (2 * this.#jitter() - 1)));
  }

  /** Begins again with the shortest delay. */
  reset(): void {
    this.#nextMs = firstDelayMs;
  }
}

/** What so many delays take together at the longest, in milliseconds. */
export function longestDelaysMs(count: number): number {
  const backOff = new BackOff(() => 1);
  let totalMs = 0;
  for (let delay = 0; delay < count; delay++) totalMs += backOff.next();
  return totalMs;
}
