/** Walking over the block map of a device. */
import {
  type Abortable,
  type BlockDevice,
  baseAllocation,
  CommandError,
  type Extent,
  type Offset,
} from '@nbdjs/interfaces';

/** Which part of a device is walked, by which metadata context, and what happens where its block status fails. */
export interface ExtentWalkOptions extends Abortable {
  /** The metadata context. @default 'base:allocation' */
  readonly context?: string | undefined;
  /** First byte. @default 0 */
  readonly offset?: Offset | undefined;
  /** How many bytes. @default up to the device's end */
  readonly length?: Offset | undefined;
  /**
   * Called for each part whose block status fails. The part counts as data (status 0), and the walk goes on after it.
   * @default the walk ends with the error
   */
  readonly onMapFailure?: ((error: CommandError, offset: bigint, length: bigint) => void) | undefined;
}

/** Answers of about this many extents are long enough to be quick, and short enough to be kept in memory. */
const extentsAtOnce = 16 * 1024;

/** When a block status fails, this many bytes count as data before the next question. */
const unknownBytes = 128n * 2n ** 20n;

/**
 * The extents of one context over a device or a part of it, in order, neighbours of equal status merged.
 *
 * @throws what the device's `blockStatus` throws.
 */
export async function* walkExtents(
  device: BlockDevice,
  options: ExtentWalkOptions = {},
): AsyncGenerator<Extent, void, void> {
  let last: Extent | undefined;
  for await (const extents of walkExtentLists(device, options)) {
    for (const extent of extents) {
      if (last !== undefined && last.status === extent.status) {
        last = { offset: last.offset, length: last.length + extent.length, status: last.status };
      } else {
        if (last !== undefined) yield last;
        last = extent;
      }
    }
  }
  if (last !== undefined) yield last;
}

/**
 * The same, as lists: each is one answer of the device. They are consecutive, and neighbours in different lists may have equal
 * status.
 *
 * @throws what the device's `blockStatus` throws.
 */
export async function* walkExtentLists(
  device: BlockDevice,
  options: ExtentWalkOptions = {},
): AsyncGenerator<readonly Extent[], void, void> {
  const { context = baseAllocation, signal } = options;
  const start = BigInt(options.offset ?? 0);
  const end = options.length === undefined ? device.geometry.size : start + BigInt(options.length);
  /** Bytes that one question is about; usually all that are left. */
  let window = end - start;
  let position = start;
  while (position < end) {
    const left = end - position;
    const offset = position;
    const length = window < left ? window : left;
    const asking = extentsFrom(device, context, offset, length, signal);
    const extents = await asking.catch((error: unknown): readonly Extent[] => {
      if (options.onMapFailure === undefined || !isMapFailure(error)) throw error;
      const unknown = length < unknownBytes ? length : unknownBytes;
      options.onMapFailure(error, offset, unknown);
      return [{ offset, length: unknown, status: 0n }];
    });
    const last = extents.at(-1) as Extent;
    const told = last.offset + last.length - position;
    if (extents.length > extentsAtOnce) window = (told * BigInt(extentsAtOnce)) / BigInt(extents.length) || 1n;
    else if (extents.length < extentsAtOnce / 2 && told >= length) window *= 4n;
    position += told;
    yield extents;
  }
}

/**
 * Returns one answer: at least one extent, all of them consecutive from `offset` on.
 *
 * @throws CommandError `EIO` when the device makes no progress.
 */
export async function extentsFrom(
  device: BlockDevice,
  context: string,
  offset: bigint,
  length: bigint,
  signal: AbortSignal | undefined,
): Promise<readonly Extent[]> {
  const answer = await device.blockStatus(offset, length, { contexts: [context], signal });
  const extents = answer.find((one) => one.context === context)?.extents ?? [];
  const [first] = extents;
  if (first === undefined || first.offset !== offset || extents.some((extent) => extent.length <= 0n)) {
    throw new CommandError('EIO', `the device does not report ${context} at ${offset}`, {
      command: 'BLOCK_STATUS',
      offset,
    });
  }
  return extents;
}

/** Returns whether an error means that there is no block status, while reading may still work. */
export function isMapFailure(error: unknown): error is CommandError {
  return error instanceof CommandError && error.code !== 'ESHUTDOWN';
}
