/** Latencies in figures. */
import type { LatencyHistogram } from '../surroundings.ts';

/** Which percentiles are reported. */
const reportedPercents = [50, 90, 95, 99, 99.9, 99.99] as const;

/** How many latencies lie between two values. */
export interface LatencyBucket {
  /** Above this, in microseconds. */
  readonly fromUs: number;
  /** Up to this, in microseconds. */
  readonly toUs: number;
  /** How many. */
  readonly count: number;
}

/** All in microseconds. */
export interface LatencySummary {
  /** How many there are. */
  readonly count: number;
  /** The shortest. */
  readonly minUs: number;
  /** The average. */
  readonly meanUs: number;
  /** The longest. */
  readonly maxUs: number;
  /** The standard deviation. */
  readonly deviationUs: number;
  /** By percents: what so many of the latencies do not exceed. */
  readonly percentilesUs: Readonly<Record<string, number>>;
  /** From the shortest to the longest latency, each twice as wide as the one before; empty ones among them. */
  readonly buckets: readonly LatencyBucket[];
}

/** Returns `undefined` for no latencies. */
export function summarize(histogram: LatencyHistogram): LatencySummary | undefined {
  const { count, min, mean, max, deviation } = histogram;
  if (count === 0) return undefined;
  return {
    count,
    minUs: microseconds(min),
    meanUs: microseconds(mean),
    maxUs: microseconds(max),
    deviationUs: microseconds(deviation),
    percentilesUs: Object.fromEntries(
      reportedPercents.map((percent) => [String(percent), microseconds(histogram.percentile(percent))]),
    ),
    buckets: bucketsOf(histogram),
  };
}

/** Nanoseconds as microseconds, with three places. */
function microseconds(nanoseconds: number): number {
  return Math.round(nanoseconds) / 1000;
}

/** Bounds are powers of two of a microsecond, in quarters of which three are left out: 1, 2, 4, ... */
function bucketsOf(histogram: LatencyHistogram): LatencyBucket[] {
  const buckets: LatencyBucket[] = [];
  let before = 0;
  let toUs = 2 ** Math.floor(Math.log2(Math.max(histogram.min, 1) / 1000));
  while (before < histogram.count) {
    const fromUs = toUs;
    toUs *= 2;
    const upTo = toUs * 1000 >= histogram.max ? histogram.count : countUpTo(histogram, toUs * 1000);
    buckets.push({ fromUs, toUs, count: upTo - before });
    before = upTo;
  }
  return buckets;
}

/** A histogram says which value a share of the values does not exceed; this asks the other way round, by bisection. */
function countUpTo(histogram: LatencyHistogram, value: number): number {
  const { count } = histogram;
  let least = 0;
  let most = count;
  while (least < most) {
    const middle = Math.ceil((least + most) / 2);
    // The middle of the share that the value of this rank has, so that no rounding leads to its neighbours.
    if (histogram.percentile(((middle - 0.5) / count) * 100) <= value) least = middle;
    else most = middle - 1;
  }
  return least;
}
