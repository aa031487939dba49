/** Figures from several runs. */

/** The middle half of some values, and the value in the middle. `NaN` where there are no values. */
export interface Spread {
  readonly low: number;
  readonly median: number;
  readonly high: number;
}

/** The value below which this share of the values lies; between two values it is interpolated, as spreadsheets do. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Median with the first and the third quartile. */
export function spread(values: readonly number[]): Spread {
  return { low: quantile(values, 0.25), median: median(values), high: quantile(values, 0.75) };
}

/**
 * Each value of ours over the value of the peer from the same round: what disturbs a whole round changes both, and cancels out.
 *
 * @throws RangeError when there are not as many of one as of the other
 */
export function pairwiseRatios(ours: readonly number[], theirs: readonly number[]): readonly number[] {
  if (ours.length !== theirs.length) {
    throw new RangeError(`as many values of the peer as of ours were expected: ${ours.length}, got ${theirs.length}`);
  }
  return ours.map((value, round) => value / (theirs[round] as number));
}

/** The median of the odd rounds over that of the even ones, 1 on a quiet machine; `undefined` for fewer than two rounds. */
export function selfRatio(values: readonly number[]): number | undefined {
  if (values.length < 2) return undefined;
  const every = (remainder: number): readonly number[] => values.filter((_, round) => round % 2 === remainder);
  return median(every(0)) / median(every(1));
}

/** A candidate that differs from itself by more than this share says more about the machine than about the candidate. */
const disturbedFrom = 0.05;

/** Whether the odd and the even rounds of one candidate differ so much that it cannot be compared with another. */
export function isDisturbed(values: readonly number[], from = disturbedFrom): boolean {
  const ratio = selfRatio(values);
  return ratio !== undefined && !(Math.max(ratio, 1 / ratio) <= 1 + from);
}
