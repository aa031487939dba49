/** A part of an export that is covered, and what of a range is not. */
import { firstIndex } from './range-set.ts';

export class Cover {
  /** Ascending and apart from each other. */
  readonly #starts: bigint[] = [];
  readonly #ends: bigint[] = [];

  /** Covers a range, and tells what of it was not covered before, in ascending order. */
  add(start: bigint, end: bigint): readonly (readonly [start: bigint, end: bigint])[] {
    const starts = this.#starts;
    const ends = this.#ends;
    const from = firstIndex(ends, (one) => one >= start);
    const to = firstIndex(starts, (one) => one > end);
    const uncovered: [bigint, bigint][] = [];
    let position = start;
    for (let index = from; index < to; index++) {
      const [coveredStart, coveredEnd] = [starts[index] as bigint, ends[index] as bigint];
      if (position < coveredStart) uncovered.push([position, coveredStart]);
      if (coveredEnd > position) position = coveredEnd;
    }
    if (position < end) uncovered.push([position, end]);
    const first = from < to ? (starts[from] as bigint) : start;
    const last = from < to ? (ends[to - 1] as bigint) : end;
    starts.splice(from, to - from, first < start ? first : start);
    ends.splice(from, to - from, last > end ? last : end);
    return uncovered;
  }
}
