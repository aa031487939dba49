/** A device's block status as it goes on the wire (checklist S62). */
import type { Extent } from '@nbdjs/interfaces';
import type { WireExtent } from '@nbdjs/protocol';

/**
 * The extents from `start` on, none past `end`, equal neighbours in one, at most `countMax` of them; nothing when the device
 * has not begun where it was asked to, or has left a gap.
 */
export function wireExtents(
  extents: readonly Extent[],
  start: bigint,
  end: bigint,
  countMax: number,
): readonly WireExtent[] | undefined {
  const merged: { length: bigint; status: bigint }[] = [];
  let position = start;
  for (const { offset, length, status } of extents) {
    if (position >= end) break;
    // Some devices know more than they were asked for, on either side.
    if (offset > position) return merged.length === 0 ? undefined : merged;
    const next = offset + length < end ? offset + length : end;
    if (next <= position) continue;
    const last = merged.at(-1);
    if (last?.status === status) {
      last.length += next - position;
    } else {
      if (merged.length === countMax) break;
      merged.push({ length: next - position, status });
    }
    position = next;
  }
  return merged.length === 0 ? undefined : merged;
}
