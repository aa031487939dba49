/** What a load needs from outside. */
import type { Clock, Defer } from '@nbdjs/interfaces';

/**
 * Counts values by their size, in bounded memory: an HDR histogram. Values are whole numbers of nanoseconds, from 1 to an hour; three digits of
 * each are kept.
 */
export interface LatencyHistogram {
  record(nanoseconds: number): void;
  /** Adds all values of another one of the same kind. */
  add(other: LatencyHistogram): void;
  reset(): void;
  readonly count: number;
  /** Of no values, these four are of no meaning. */
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** The standard deviation. */
  readonly deviation: number;
  /** The value that so many percent of the values do not exceed; above 0, at most 100. */
  percentile(percent: number): number;
}

export interface LoadSurroundings {
  readonly clock: Clock;
  readonly createHistogram: () => LatencyHistogram;
  /**
   * The event loop's next turn. With it, devices that answer at once give other work a turn, and requests that have to begin within the next
   * milliseconds begin more punctually than by timers; the processor is busy meanwhile.
   */
  readonly nextTurn?: Defer | undefined;
}
