/** A delay that grows with each use: back-off between attempts, pauses between trials. */

/** How a delay grows. */
export interface GrowingDelayOptions {
  /** The first delay, in milliseconds; each further one is twice as long. */
  readonly firstMs: number;
  /** No delay is longer than this before jitter, in milliseconds. */
  readonly mostMs: number;
  /**
   * Numbers from 0 (a fifth shorter) to 1 (a fifth longer), so that many clients of one server do not connect again at the same moment.
   * @default no jitter
   */
  readonly jitter?: (() => number) | undefined;
}

/** A delay is up to this part longer or shorter. */
const jitterPart = 0.2;

/** Delays that double up to a limit. */
export class GrowingDelay {
  readonly #firstMs: number;
  readonly #mostMs: number;
  readonly #jitter: (() => number) | undefined;
  #nextMs: number;

  constructor({ firstMs, mostMs, jitter }: GrowingDelayOptions) {
    this.#firstMs = firstMs;
    this.#mostMs = mostMs;
    this.#jitter = jitter;
    this.#nextMs = Math.min(firstMs, mostMs);
  }

  /** Returns the next delay in milliseconds, and doubles the one after it. */
  next(): number {
    const delayMs = this.#nextMs;
    this.#nextMs = Math.min(delayMs * 2, this.#mostMs);
    return this.#jitter === undefined ? delayMs : Math.round(delayMs * (1 + jitterPart * (2 * this.#jitter() - 1)));
  }

  /** Begins again with the shortest delay. */
  reset(): void {
    this.#nextMs = Math.min(this.#firstMs, this.#mostMs);
  }
}

/** The sum of the first `count` delays at their longest, in milliseconds. */
export function longestDelaysMs(options: Omit<GrowingDelayOptions, 'jitter'>, count: number): number {
  const delay = new GrowingDelay({ ...options, jitter: () => 1 });
  let totalMs = 0;
  for (let index = 0; index < count; index++) totalMs += delay.next();
  return totalMs;
}
