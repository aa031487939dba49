/** Walking over what a device consists of. */
import {
  type Abortable,
  type BlockDevice,
  baseAllocation,
  CommandError,
  type Extent,
  type Offset,
} from '@nbdjs/interfaces';

export interface ExtentWalkOptions extends Abortable {
  /** The metadata context. @default 'base:allocation' */
  readonly context?: string | undefined;
  /** First byte. @default 0 */
  readonly offset?: Offset | undefined;
  /** How many bytes. @default up to the device's end */
  readonly length?: Offset | undefined;
}

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
  for await (const extents of askExtents(device, options)) {
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

/** The device's answers, one after the other, each to a question about all that is left. */
async function* askExtents(
  device: BlockDevice,
  options: ExtentWalkOptions,
): AsyncGenerator<readonly Extent[], void, void> {
  const { context = baseAllocation, signal } = options;
  const start = BigInt(options.offset ?? 0);
  const end = options.length === undefined ? device.geometry.size : start + BigInt(options.length);
  let position = start;
  while (position < end) {
    const extents = await extentsFrom(device, context, position, end - position, signal);
    const last = extents.at(-1) as Extent;
    position = last.offset + last.length;
    yield extents;
  }
}

/**
 * One answer: at least one extent, all of them consecutive from `offset` on.
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
    throw new CommandError('EIO', `the device does not tell of ${context} at ${offset}`, {
      command: 'BLOCK_STATUS',
      offset,
    });
  }
  return extents;
}

/** How many bytes have each status, by status. */
export async function totalExtents(extents: AsyncIterable<Extent> | Iterable<Extent>): Promise<Map<bigint, bigint>> {
  const totals = new Map<bigint, bigint>();
  for await (const { status, length } of extents) totals.set(status, (totals.get(status) ?? 0n) + length);
  return totals;
}
