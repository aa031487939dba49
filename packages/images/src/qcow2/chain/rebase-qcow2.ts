/** Another image below: first the image gets what would be different over it, then its header names it. */
import { type Abortable, AllocationStatus, type BlockDevice, baseAllocation, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { unsupportedImage } from '../../image-errors.ts';
import type { ImageDevice } from '../../image-facts.ts';
import { judgeHeader } from '../judge-header.ts';
import { readQcow2Header } from '../read-header.ts';
import { partsByLayer } from './disk-parts-by-layer.ts';
import { inPieces, type Piece, zeroRange } from './pieces.ts';
import { type BackingName, replaceBacking } from './replace-backing.ts';

export type { BackingName } from './replace-backing.ts';

export const rebaseQcow2Options = defineOptions({
  /** Called as the work goes on, with bytes of the disk. @default none */
  onProgress: option.callback<(doneBytes: number, totalBytes: number) => void>({
    defaultText: 'none',
    doc: 'Called as the work goes on, with bytes of the disk.',
  }),
  /** Ends the work when it is aborted. It can be begun anew then. */
  signal: option.signal({ doc: 'Ends the work when it is aborted. It can be begun anew then.' }),
});

/** How an image is prepared for another one below. */
export interface RebaseQcow2Options extends OptionsOf<typeof rebaseQcow2Options>, Abortable {}

/** What is compared and written in one piece at least, in bytes. */
const granuleBytesMin = 4096;
const granuleBytesMax = 2 ** 20;

/**
 * Writes into an image what it reads from below, and would not read over `next`, on stable storage. Its content stays the same; `setQcow2Backing` says
 * then, when the image is closed, that it is over `next`. After an interruption it is still right over the image that it was over.
 *
 * @param image what `openWritableQcow2` has opened, over what it was over; it stays open
 * @param next what will be below; `undefined`: nothing. It stays open.
 * @returns how many bytes were written
 * @throws UsageError `ERR_NBD_READ_ONLY` when the image cannot be written to; `ERR_NBD_NOT_SUPPORTED` when it has snapshots, which would change. What
 *   reading and writing throws.
 */
export async function rebaseQcow2(
  image: ImageDevice,
  next: BlockDevice | undefined,
  options: RebaseQcow2Options = {},
): Promise<number> {
  const { onProgress, signal } = rebaseQcow2Options.resolve('rebaseQcow2', options);
  if (image.abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', 'the image is open for reading only');
  if (image.image.snapshots.length > 0) {
    throw unsupportedImage('the image has snapshots, which would read something else over another image');
  }
  const { clusterBytes = granuleBytesMin } = image.image;
  const granuleBytes = Math.min(granuleBytesMax, Math.max(granuleBytesMin, clusterBytes));
  const size = Number(image.geometry.size);
  let writtenBytes = 0;
  async function* fromBelow(): AsyncGenerator<ComparedPiece> {
    for await (const part of partsByLayer(image, signal)) {
      if (part.depth !== 1) yield* compared(part, next, signal);
      onProgress?.(part.offset + part.length, size);
    }
  }
  const zeroes = new Uint8Array(granuleBytesMax);
  await inPieces(fromBelow(), signal, async ({ offset, length, isZero, isNextZero }: ComparedPiece) => {
    const read = async (device: BlockDevice): Promise<Uint8Array> => {
      const bytes = new Uint8Array(length);
      await device.read(offset, bytes, { signal });
      return bytes;
    };
    const nothing = zeroes.subarray(0, length);
    const before = isZero ? nothing : await read(image);
    const after = isNextZero || next === undefined ? nothing : await read(next);
    for (const [from, to] of differences(before, after, offset, granuleBytes)) {
      if (isZero) await zeroRange(image, offset + from, to - from, signal);
      else await image.write(offset + from, before.subarray(from, to), { signal });
      writtenBytes += to - from;
    }
  });
  await image.flush({ signal });
  return writtenBytes;
}

/**
 * Writes into the header of an image which other one it is over. A cut in the middle leaves the old name or the new one. What the disk reads as changes, where
 * `rebaseQcow2` was not called before.
 *
 * @param file the device that holds the image, which no program has open; it stays open
 * @param backing `undefined`: the image is over no other
 * @throws UsageError `ERR_NBD_IMAGE` when it is no qcow2 image or is damaged; `ERR_NBD_READ_ONLY`; `ERR_NBD_ARGUMENT` for a name that does not fit.
 */
export async function setQcow2Backing(file: BlockDevice, backing: BackingName | undefined): Promise<void> {
  if (file.abilities.readOnly)
    throw new UsageError('ERR_NBD_READ_ONLY', 'the file of the image is open for reading only');
  const header = await readQcow2Header(file);
  judgeHeader(header, Number(file.geometry.size));
  await replaceBacking(file, header, backing);
}

interface ComparedPiece extends Piece {
  /** What will be below reads as zeroes there for sure. */
  readonly isNextZero: boolean;
}

/** The parts of a range by what the next image has there; what is zero before and after is left out. */
async function* compared(
  { offset, length, isZero }: Piece,
  next: BlockDevice | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<ComparedPiece> {
  const end = offset + length;
  const nextEnd = Math.max(offset, Math.min(end, Number(next?.geometry.size ?? 0)));
  const known = next?.abilities.contexts.includes(baseAllocation) === true;
  for (let at = offset; at < nextEnd; ) {
    const [answer] = known
      ? ((await next?.blockStatus(at, nextEnd - at, { contexts: [baseAllocation], signal })) ?? [])
      : [];
    const extents = answer?.extents ?? [{ offset: BigInt(at), length: BigInt(nextEnd - at), status: 0n }];
    for (const extent of extents) {
      const to = Math.min(nextEnd, Number(extent.offset + extent.length));
      if (to <= at) continue;
      const isNextZero = (extent.status & BigInt(AllocationStatus.Zero)) !== 0n;
      yield* cut({ offset: at, length: to - at, isZero, isNextZero });
      at = to;
    }
  }
  yield* cut({ offset: nextEnd, length: end - nextEnd, isZero, isNextZero: true });
}

/** Ranges that are compared byte by byte are no longer than what is held in memory for it. */
function* cut(piece: ComparedPiece): Generator<ComparedPiece> {
  if (piece.isZero && piece.isNextZero) return;
  const end = piece.offset + piece.length;
  for (let at = piece.offset; at < end; ) {
    const to = Math.min(end, (Math.floor(at / granuleBytesMax) + 1) * granuleBytesMax);
    yield { ...piece, offset: at, length: to - at };
    at = to;
  }
}

/** Parts that differ, in whole granules of the disk; neighbours are joined. */
function* differences(
  one: Uint8Array,
  other: Uint8Array,
  offset: number,
  granuleBytes: number,
): Generator<readonly [from: number, to: number]> {
  let start = -1;
  for (let at = 0; at < one.length; ) {
    const to = Math.min(one.length, (Math.floor((offset + at) / granuleBytes) + 1) * granuleBytes - offset);
    const isSame = isEqual(one, other, at, to);
    if (!isSame && start < 0) start = at;
    if (isSame && start >= 0) {
      yield [start, at];
      start = -1;
    }
    at = to;
  }
  if (start >= 0) yield [start, one.length];
}

function isEqual(one: Uint8Array, other: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (one[at] !== other[at]) return false;
  return true;
}
