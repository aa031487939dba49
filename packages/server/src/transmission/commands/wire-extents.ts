/** A device's block status as it is sent (S62). */
import { baseAllocation, type Extent } from '@nbdjs/interfaces';
import type { WireExtent } from '@nbdjs/protocol';

/**
 * The extents from `start` on, none past `end`, equal neighbours merged, at most `countMax` of them. `undefined` when the
 * device's extents do not begin at `start`; extents behind a gap are left out.
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
    // Some devices answer for more than they were asked, on either side.
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
 * Extents whose borders are those of blocks, except at `end`: the parts of a block that is cut by a border become one. The
 * specification asks for this where a minimum block size is announced.
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
      cut = { offset: cut.offset, length: part - cut.offset, status: combined(context, cut.status, status) };
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
  // The client asks again from a block of which only a part is known, unless that block is the whole answer.
  if (cut !== undefined && whole.length === 0) {
    const blockEnd = cut.offset + block < end ? cut.offset + block : end;
    whole.push({ offset: cut.offset, length: blockEnd - cut.offset, status: combined(context, cut.status, 0n) });
  }
  return whole;
}

/** The status of a block whose two parts have these. */
function combined(context: string, one: bigint, other: bigint): bigint {
  if (one === other) return one;
  // A block is a hole, or zero, only if all of it is.
  if (context === baseAllocation) return one & other;
  // A client that asks what has changed, or how deep the data lies, has to learn of every change and of the deepest layer.
  if (context.startsWith('qemu:dirty-bitmap:')) return one | other;
  return one > other ? one : other;
}
