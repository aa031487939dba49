/** Interval sets of bytes as ranges with offset and length. */
import type { LostRange } from '@nbdjs/interfaces';
import type { IntervalSet } from './interval-set.ts';

/** Adds ranges to a set. */
export function addRanges(set: IntervalSet<bigint>, ranges: readonly LostRange[]): void {
  for (const { offset, length } of ranges) set.add(offset, offset + length);
}

/** The intervals of a set, ascending. */
export function rangesOf(set: IntervalSet<bigint>): readonly LostRange[] {
  return set.intervals().map(([start, end]) => ({ offset: start, length: end - start }));
}
