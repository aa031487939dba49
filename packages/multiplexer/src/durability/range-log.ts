/**
 * Ranges of an export as they come, hundreds of thousands a second, of which later only the rough shape is asked for. What lies
 * within it already costs two comparisons or a short search, and the rest is put in order when much of it has come together.
 */
import { type Interval, IntervalSet } from '@nbdjs/kit';

/** Ranges that are put in order at a time. */
const pendingMax = 1024;
/** Ranges that are kept apart then; those that are nearest to each other are joined. */
export const rangesMax = 64;
/** Up to here plain numbers are exact. */
const exactEnd = 2 ** 53;

export class RangeLog {
  /** In order, and apart from each other. */
  #starts = new Float64Array(0);
  #ends = new Float64Array(0);
  #pendingStarts: number[] = [];
  #pendingEnds: number[] = [];
  /** Beyond what plain numbers can say. */
  readonly #far = new IntervalSet<bigint>(rangesMax);

  /** Adds a range, as halves. The lower ones may be signed. */
  add(offsetHigh: number, offsetLow: number, lengthHigh: number, lengthLow: number): void {
    const start = offsetHigh * 2 ** 32 + (offsetLow >>> 0);
    const end = start + lengthHigh * 2 ** 32 + (lengthLow >>> 0);
    if (end < exactEnd) {
      this.#add(start, end);
    } else {
      const exact = (BigInt(offsetHigh) << 32n) | BigInt(offsetLow >>> 0);
      this.#far.add(exact, exact + ((BigInt(lengthHigh) << 32n) | BigInt(lengthLow >>> 0)));
    }
  }

  addExact(start: bigint, end: bigint): void {
    if (end < exactEnd) this.#add(Number(start), Number(end));
    else this.#far.add(start, end);
  }

  addAll(intervals: readonly Interval<bigint>[]): void {
    for (const [start, end] of intervals) this.addExact(start, end);
  }

  /** Ascending, and no more than are kept apart. */
  intervals(): readonly Interval<bigint>[] {
    this.#order();
    const all = new IntervalSet<bigint>(rangesMax);
    this.#starts.forEach((start, index) => {
      all.add(BigInt(start), BigInt(this.#ends[index] as number));
    });
    for (const [start, end] of this.#far.intervals()) all.add(start, end);
    return all.intervals();
  }

  #add(start: number, end: number): void {
    const last = this.#pendingStarts.length - 1;
    // Writes come mostly in order.
    if (last >= 0 && start >= (this.#pendingStarts[last] as number) && start <= (this.#pendingEnds[last] as number)) {
      if (end > (this.#pendingEnds[last] as number)) this.#pendingEnds[last] = end;
      return;
    }
    if (this.#covers(start, end)) return;
    if (this.#pendingStarts.length === pendingMax) this.#order();
    this.#pendingStarts.push(start);
    this.#pendingEnds.push(end);
  }

  #covers(start: number, end: number): boolean {
    const ends = this.#ends;
    let low = 0;
    let high = ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((ends[middle] as number) >= end) high = middle;
      else low = middle + 1;
    }
    return low < ends.length && (this.#starts[low] as number) <= start;
  }

  #order(): void {
    if (this.#pendingStarts.length === 0) return;
    const starts = together(this.#starts, this.#pendingStarts);
    const ends = together(this.#ends, this.#pendingEnds);
    this.#pendingStarts = [];
    this.#pendingEnds = [];
    // As many have ended as have begun, wherever the next one begins behind: there is a gap.
    const gaps: number[] = [];
    for (let index = 0; index + 1 < ends.length; index++) {
      if ((starts[index + 1] as number) > (ends[index] as number)) gaps.push(index);
    }
    const widths = Float64Array.from(gaps, (index) => (starts[index + 1] as number) - (ends[index] as number)).sort();
    const narrowest = widths[widths.length - (rangesMax - 1)] ?? 0;
    const kept = gaps
      .filter((index) => (starts[index + 1] as number) - (ends[index] as number) >= narrowest)
      .slice(0, rangesMax - 1);
    this.#starts = Float64Array.from([0, ...kept.map((index) => index + 1)], (index) => starts[index] as number);
    this.#ends = Float64Array.from([...kept, ends.length - 1], (index) => ends[index] as number);
  }
}

/** All numbers of both, ascending. */
function together(one: Float64Array, other: readonly number[]): Float64Array<ArrayBuffer> {
  const all = new Float64Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all.sort();
}
