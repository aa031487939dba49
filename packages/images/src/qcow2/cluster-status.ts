/** What the parts of a disk consist of, as metadata contexts tell it. */
import {
  AllocationStatus,
  allocationDepth,
  type BlockStatusOptions,
  CommandError,
  type Extent,
} from '@nbdjs/interfaces';
import type { ImageFile } from '../device/image-file.ts';
import type { BitmapMap } from './bitmap-map.ts';
import { ClusterKind, type ClusterMap } from './cluster-map.ts';

/** What the status is told from. */
export interface ClusterStatusParts {
  readonly map: ClusterMap;
  /** What lies below; shorter than the disk, perhaps. */
  readonly backing: ImageFile | undefined;
}

/** Extents in one answer. */
const extentsMax = 4096;
/** Steps in the tables for one answer: where an image is in tiny pieces, the answer ends before the range does. */
const stepsMax = 16_384;

const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);

/** The extents of `base:allocation` or `qemu:allocation-depth`. */
export async function clusterExtents(
  parts: ClusterStatusParts,
  context: string,
  start: number,
  length: number,
  options: BlockStatusOptions,
): Promise<readonly Extent[]> {
  const list = new ExtentList(start, options.one === true ? 1 : extentsMax);
  const end = start + length;
  const isDepth = context === allocationDepth;
  for (let at = start, step = 0; at < end && step < stepsMax && list.hasRoom; step++) {
    options.signal?.throwIfAborted();
    const run = await parts.map.locate(at, end - at);
    if (run.kind === ClusterKind.Absent) await addBelow(list, parts.backing, context, at, run.length, options);
    else {
      const own = run.kind === ClusterKind.Zero ? hole : 0n;
      list.add(run.length, isDepth ? 1n : own);
    }
    at = list.end > at ? list.end : end;
  }
  return list.extents;
}

/** The extents of a bitmap: 1 where the disk has changed. */
export async function bitmapExtents(
  bitmap: BitmapMap,
  start: number,
  length: number,
  options: BlockStatusOptions,
): Promise<readonly Extent[]> {
  const list = new ExtentList(start, options.one === true ? 1 : extentsMax);
  const end = start + length;
  for (let step = 0; list.end < end && step < stepsMax && list.hasRoom; step++) {
    options.signal?.throwIfAborted();
    const run = await bitmap.locate(list.end, end - list.end);
    list.add(run.length, run.isDirty ? 1n : 0n);
  }
  return list.extents;
}

/** A part that this image does not store: as the device below tells it, one level deeper. */
async function addBelow(
  list: ExtentList,
  backing: ImageFile | undefined,
  context: string,
  at: number,
  length: number,
  options: BlockStatusOptions,
): Promise<void> {
  const isDepth = context === allocationDepth;
  if (backing === undefined || at >= backing.size) {
    // The zeroes behind the end of a shorter device count as its own, as with QEMU.
    list.add(length, isDepth ? (backing === undefined ? 0n : 2n) : hole);
    return;
  }
  const bytes = Math.min(length, backing.size - at);
  if (!backing.device.abilities.contexts.includes(context) || !backing.fits(at, bytes)) {
    // A device without the context stores everything itself.
    list.add(bytes, isDepth ? 2n : 0n);
    return;
  }
  const { one, signal } = options;
  const [answer] = await backing.device.blockStatus(at, bytes, { contexts: [context], one, signal });
  const extents = answer?.extents ?? [];
  if (extents.length === 0) throw new CommandError('EIO', `the device below reported nothing of ${context}`);
  for (const { length: told, status } of extents) {
    const deeper = status === 0n ? 0n : status + 1n;
    if (!list.add(Number(told), isDepth ? deeper : status)) return;
  }
}

/** Extents, consecutive; neighbours of one status become one. */
class ExtentList {
  readonly extents: { offset: bigint; length: bigint; status: bigint }[] = [];
  readonly #max: number;
  /** Behind the last extent. */
  end: number;
  /** Something was left out: the list is at its end. */
  hasRoom = true;

  constructor(start: number, max: number) {
    this.end = start;
    this.#max = max;
  }

  /** Returns whether there was room. */
  add(length: number, status: bigint): boolean {
    const last = this.extents.at(-1);
    if (last?.status === status) last.length += BigInt(length);
    else if (this.extents.length === this.#max) {
      this.hasRoom = false;
      return false;
    } else this.extents.push({ offset: BigInt(this.end), length: BigInt(length), status });
    this.end += length;
    return true;
  }
}
