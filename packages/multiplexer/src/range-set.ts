/** Ranges of an export, merged where they touch, and never more than a few: what is too much is merged over its gaps. */
import type { LostRange } from '@nbdjs/interfaces';

const rangesMax = 64;

export class RangeSet {
  /** Ascending and apart from each other. */
  #starts: bigint[] = [];
  #ends: bigint[] = [];

  get isEmpty(): boolean {
    return this.#starts.length === 0;
  }

  add(start: bigint, end: bigint): void {
    const starts = this.#starts;
    const ends = this.#ends;
    const last = starts.length - 1;
    // Writes come mostly in order.
    if (last >= 0 && start >= (starts[last] as bigint) && start <= (ends[last] as bigint)) {
      if (end > (ends[last] as bigint)) ends[last] = end;
      return;
    }
    // The first range that does not end before this one begins, and the first that begins behind it.
    const from = firstIndex(ends, (one) => one >= start);
    const to = firstIndex(starts, (one) => one > end);
    if (from < to) {
      const [first, final] = [starts[from] as bigint, ends[to - 1] as bigint];
      starts.splice(from, to - from, first < start ? first : start);
      ends.splice(from, to - from, final > end ? final : end);
    } else {
      starts.splice(from, 0, start);
      ends.splice(from, 0, end);
      if (starts.length > rangesMax) this.#closeSmallestGap();
    }
  }

  addAll(ranges: readonly LostRange[]): void {
    for (const { offset, length } of ranges) this.add(offset, offset + length);
  }

  ranges(): readonly LostRange[] {
    return this.#starts.map((offset, index) => ({ offset, length: (this.#ends[index] as bigint) - offset }));
  }

  #closeSmallestGap(): void {
    let smallest = 0;
    for (let index = 1; index + 1 < this.#starts.length; index++) {
      if (this.#gapBehind(index) < this.#gapBehind(smallest)) smallest = index;
    }
    this.#starts.splice(smallest + 1, 1);
    this.#ends.splice(smallest, 1);
  }

  #gapBehind(index: number): bigint {
    return (this.#starts[index + 1] as bigint) - (this.#ends[index] as bigint);
  }
}

/** The index of the first for which `holds`, given that it holds for all behind that one; the length when there is none. */
export function firstIndex<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(items[middle] as Item)) high = middle;
    else low = middle + 1;
  }
  return low;
}
