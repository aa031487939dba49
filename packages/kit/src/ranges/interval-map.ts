/** A value for each position, kept as ascending intervals. Two that touch have different values. */
import { firstIndex } from './first-index.ts';

/** From `from` up to, but without, `to`. */
export interface ValueInterval<Value> {
  /** First position. */
  readonly from: bigint;
  /** First position after it. */
  readonly to: bigint;
  /** `undefined` where none was set. */
  readonly value: Value | undefined;
}

interface Entry<Value> {
  from: bigint;
  to: bigint;
  value: Value;
}

/** Intervals of positions, each with a value. Values are compared by `===`. */
export class IntervalMap<Value> {
  readonly #entries: Entry<Value>[] = [];

  /** Intervals with a value. */
  get count(): number {
    return this.#entries.length;
  }

  /** Gives all positions of an interval a value. */
  set(from: bigint, to: bigint, value: Value): void {
    if (from >= to) return;
    const first = this.#firstEndingAfter(from - 1n);
    let last = first;
    let start = from;
    let end = to;
    const kept: Entry<Value>[] = [];
    for (; last < this.#entries.length; last++) {
      const entry = this.#entries[last] as Entry<Value>;
      if (entry.from > to) break;
      if (entry.value === value) {
        start = entry.from < start ? entry.from : start;
        end = entry.to > end ? entry.to : end;
        continue;
      }
      if (entry.from < from) kept.push({ ...entry, to: entry.to < from ? entry.to : from });
      if (entry.to > to) kept.push({ ...entry, from: entry.from > to ? entry.from : to });
    }
    kept.push({ from: start, to: end, value });
    kept.sort((one, other) => (one.from < other.from ? -1 : 1));
    this.#entries.splice(first, last - first, ...kept);
  }

  /** The intervals from `from` to `to`, those without a value among them. */
  *within(from: bigint, to: bigint): Generator<ValueInterval<Value>> {
    let position = from;
    for (let index = this.#firstEndingAfter(from); position < to; index++) {
      const entry = this.#entries[index];
      const next = entry === undefined || entry.from > to ? to : entry.from;
      if (next > position) yield { from: position, to: next, value: undefined };
      if (entry === undefined || entry.from >= to) return;
      position = next > position ? next : position;
      const end = entry.to < to ? entry.to : to;
      yield { from: position, to: end, value: entry.value };
      position = end;
    }
  }

  /** The first `count` of these intervals. */
  firstWithin(from: bigint, to: bigint, count: number): readonly ValueInterval<Value>[] {
    const ranges: ValueInterval<Value>[] = [];
    for (const range of this.within(from, to)) {
      if (ranges.push(range) >= count) break;
    }
    return ranges;
  }

  #firstEndingAfter(position: bigint): number {
    return firstIndex(this.#entries, ({ to }) => to > position);
  }
}
