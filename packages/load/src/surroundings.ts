/** What a load needs from outside. */
import type { Clock, Defer } from '@nbdjs/interfaces';

/**
 * Counts values by their size, in bounded memory: an HDR histogram. Values are whole numbers of nanoseconds, from 1 to an hour; three digits of
 * each are kept.
 */
export interface LatencyHistogram {
  /** Counts one value. */
  record(nanoseconds: number): void;
  /** Adds all values of another one of the same kind. */
  add(other: LatencyHistogram): void;
  /** Forgets all values. */
  reset(): void;
  /** How many values there are. Without any, the others mean nothing. */
  readonly count: number;
  /** The smallest value. */
  readonly min: number;
  /** The largest value. */
  readonly max: number;
  /** The average. */
  readonly mean: number;
  /** The standard deviation. */
  readonly deviation: number;
  /** The value that so many percent of the values do not exceed; above 0, at most 100. */
  percentile(percent: number): number;
}

/** Time, histograms and the event loop. */
export interface LoadSurroundings {
  /** Measures, and says when things begin and end. */
  readonly clock: Clock;
  /** Makes an empty histogram. */
  readonly createHistogram: () => LatencyHistogram;
  /**
   * The event loop's next turn. With it, devices that answer at once give other work a turn, and requests that have to begin within the next
   * milliseconds begin more punctually than by timers; the processor is busy meanwhile.
   */
  readonly nextTurn?: Defer | undefined;
}
