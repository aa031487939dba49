/** A set of positions, kept as ascending intervals that do not touch. */
import { firstIndex } from './first-index.ts';

/** Positions of bytes. One set holds numbers or bigints, never both. */
export type Position = number | bigint;

/** From `start` up to, but without, `end`. */
export type Interval<P extends Position> = readonly [start: P, end: P];

/** A set of positions, kept as ascending intervals. */
export class IntervalSet<P extends Position> {
  readonly #countMax: number;
  readonly #starts: P[] = [];
  readonly #ends: P[] = [];

  /** `countMax`: intervals that are kept. Above that, the two with the smallest gap are joined, gap included. */
  constructor(countMax: number = Number.POSITIVE_INFINITY) {
    this.#countMax = countMax;
  }

  /** Whether the set has no positions. */
  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  /** Intervals that the set consists of. */
  get count(): number {
    return this.#starts.length;
  }

  /** Adds an interval; it may overlap with others. */
  add(start: P, end: P): void {
    const last = this.#starts.length - 1;
    // Intervals usually come in order.
    if (last >= 0 && start >= (this.#starts[last] as P) && start <= (this.#ends[last] as P)) {
      if (end > (this.#ends[last] as P)) this.#ends[last] = end;
      return;
    }
    this.#join(this.#firstReaching(start), this.#firstBehind(end), start, end);
  }

  /** Adds an interval, and returns the parts of it that were not in the set before, in ascending order. */
  cover(start: P, end: P): readonly Interval<P>[] {
    const from = this.#firstReaching(start);
    const to = this.#firstBehind(end);
    const added: Interval<P>[] = [];
    let position = start;
    for (let index = from; index < to; index++) {
      const [known, knownEnd] = [this.#starts[index] as P, this.#ends[index] as P];
      if (position < known) added.push([position, known]);
      if (knownEnd > position) position = knownEnd;
    }
    if (position < end) added.push([position, end]);
    this.#join(from, to, start, end);
    return added;
  }

  /** Adds an interval and returns `true`, or returns `false` when a part of it is in the set already. */
  insert(start: P, end: P): boolean {
    const index = firstIndex(this.#ends, (one) => one > start);
    if (index < this.#starts.length && (this.#starts[index] as P) < end) return false;
    this.add(start, end);
    return true;
  }

  /** The intervals, ascending. */
  intervals(): readonly Interval<P>[] {
    return this.#starts.map((start, index) => [start, this.#ends[index] as P]);
  }

  /** The first interval that touches what lies from `start` on, or the number of intervals. */
  #firstReaching(start: P): number {
    return firstIndex(this.#ends, (one) => one >= start);
  }

  #firstBehind(end: P): number {
    return firstIndex(this.#starts, (one) => one > end);
  }

  /** Replaces the intervals `from` to `to` by one that covers them and the new one. */
  #join(from: number, to: number, start: P, end: P): void {
    const first = from < to ? (this.#starts[from] as P) : start;
    const last = from < to ? (this.#ends[to - 1] as P) : end;
    this.#starts.splice(from, to - from, first < start ? first : start);
    this.#ends.splice(from, to - from, last > end ? last : end);
    if (this.#starts.length > this.#countMax) this.#closeSmallestGap();
  }

  #closeSmallestGap(): void {
    let smallest = 0;
    for (let index = 1; index + 1 < this.#starts.length; index++) {
      if (this.#gapBehind(index) < this.#gapBehind(smallest)) smallest = index;
    }
    this.#starts.splice(smallest + 1, 1);
    this.#ends.splice(smallest, 1);
  }

  #gapBehind(index: number): number | bigint {
    // Both are numbers, or both are bigints; the types do not show this.
    return ((this.#starts[index + 1] as bigint) - (this.#ends[index] as bigint)) as P;
  }
}
