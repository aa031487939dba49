/** Cutting a block map to a range. */
import type { Extent } from '@nbdjs/interfaces';

/** The parts of the extents that lie between `start` and `end`. `extents` ascend; they are returned unchanged if nothing is to be cut. */
export function clipExtents(extents: readonly Extent[], start: bigint, end: bigint): readonly Extent[] {
  const first = extents[0];
  const last = extents.at(-1);
  // Usually nothing is to be cut, and there may be very many.
  if (first === undefined || last === undefined) return extents;
  if (first.offset >= start && last.offset + last.length <= end) return extents;
  return extents.flatMap(({ offset, length, status }) => {
    const from = offset > start ? offset : start;
    const to = offset + length < end ? offset + length : end;
    return from < to ? [{ offset: from, length: to - from, status }] : [];
  });
}
