/** Values of ranges: which byte has which value, as sorted ranges that do not touch unless their values differ. */

export interface ValueRange<Value> {
  readonly from: bigint;
  readonly to: bigint;
  /** Absent where none was set. */
  readonly value: Value | undefined;
}

interface Entry<Value> {
  from: bigint;
  to: bigint;
  value: Value;
}

export class RangeMap<Value> {
  readonly #entries: Entry<Value>[] = [];

  /** Ranges with a value. */
  get count(): number {
    return this.#entries.length;
  }

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

  /** The ranges from `from` to `to`, those without a value among them. */
  *within(from: bigint, to: bigint): Generator<ValueRange<Value>> {
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

  /** The first `count` of them: there may be many more than anybody wants to know. */
  firstWithin(from: bigint, to: bigint, count: number): readonly ValueRange<Value>[] {
    const ranges: ValueRange<Value>[] = [];
    for (const range of this.within(from, to)) {
      if (ranges.push(range) >= count) break;
    }
    return ranges;
  }

  /** Index of the first entry that ends behind a place. */
  #firstEndingAfter(place: bigint): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#entries[middle] as Entry<Value>).to > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
