/** The parts of a disk, by the image of its chain that stores them. */
import {
  AllocationStatus,
  allocationDepth,
  type BlockDevice,
  baseAllocation,
  CommandError,
  type Extent,
} from '@nbdjs/interfaces';

/** A part of a disk that one image of the chain stores, or none. */
export interface LayerPart {
  readonly offset: number;
  readonly length: number;
  /** 1: the image itself. 2: the one below it, and so on. 0: none. */
  readonly depth: number;
  /** It reads as zeroes for sure. */
  readonly isZero: boolean;
}

/** What one question is about, in bytes. */
const questionBytes = 2 ** 30;
const contexts = [baseAllocation, allocationDepth];

/** All parts of a disk, in ascending order, from images as they are opened here. */
export async function* partsByLayer(disk: BlockDevice, signal: AbortSignal | undefined): AsyncGenerator<LayerPart> {
  const size = Number(disk.geometry.size);
  for (let at = 0; at < size; ) {
    const answers = await disk.blockStatus(at, Math.min(questionBytes, size - at), { contexts, signal });
    const of = (context: string): readonly Extent[] => answers.find((one) => one.context === context)?.extents ?? [];
    const start = at;
    for (const part of joint(of(baseAllocation), of(allocationDepth))) {
      yield part;
      at = part.offset + part.length;
    }
    if (at === start) throw new CommandError('EIO', `the image reported nothing of the disk from byte ${at} on`);
  }
}

/** Where both lists say something. */
function* joint(allocation: readonly Extent[], depths: readonly Extent[]): Generator<LayerPart> {
  let index = 0;
  for (const { offset, length, status } of allocation) {
    const end = Number(offset + length);
    for (let at = Number(offset); at < end; ) {
      const depth = depths[index];
      if (depth === undefined) return;
      const to = Math.min(end, Number(depth.offset + depth.length));
      const isZero = (status & BigInt(AllocationStatus.Zero)) !== 0n;
      if (to > at) yield { offset: at, length: to - at, depth: Number(depth.status), isZero };
      at = Math.max(at, to);
      if (at < end) index++;
    }
  }
}
