/** A device's block status as it goes on the wire (checklist S62). */
import { baseAllocation, type Extent } from '@nbdjs/interfaces';
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

/**
 * Extents whose borders are those of blocks, except at `end`: what a block consists of that is cut by a border is told in one. The
 * specification wants that of whoever announces a minimum block size.
 */
export function extentsInBlocks(
  context: string,
  extents: readonly Extent[],
  end: bigint,
  blockBytes: number,
): readonly Extent[] {
  const block = BigInt(blockBytes);
  const down = (position: bigint): bigint => position - (position % block);
  const whole: Extent[] = [];
  /** The block that is cut. */
  let cut: Extent | undefined;
  for (const { offset, length, status } of extents) {
    let from = offset;
    const to = offset + length;
    if (cut !== undefined) {
      const blockEnd = cut.offset + block;
      const part = to < blockEnd ? to : blockEnd;
      cut = { offset: cut.offset, length: part - cut.offset, status: together(context, cut.status, status) };
      from = part;
      if (part < blockEnd && part < end) continue;
      whole.push(cut);
      cut = undefined;
    }
    const border = to >= end ? to : down(to);
    if (from < border) whole.push({ offset: from, length: border - from, status });
    if (from < to && border < to) {
      const start = from < border ? border : from;
      cut = { offset: start, length: to - start, status };
    }
  }
  // What is known of less than a block is asked for again from there, unless it is all there is.
  if (cut !== undefined && whole.length === 0) {
    const blockEnd = cut.offset + block < end ? cut.offset + block : end;
    whole.push({ offset: cut.offset, length: blockEnd - cut.offset, status: together(context, cut.status, 0n) });
  }
  return whole;
}

/** The status of what consists of two. */
function together(context: string, one: bigint, other: bigint): bigint {
  if (one === other) return one;
  // A hole, or zero, is only what is so throughout.
  if (context === baseAllocation) return one & other;
  // Whoever asks for what has changed, or at most so deep, has to learn of all of it.
  if (context.startsWith('qemu:dirty-bitmap:')) return one | other;
  return one > other ? one : other;
}
