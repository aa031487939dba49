/** Compares what is stored of two devices. */
import { type Abortable, AllocationStatus, type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';
import { checkDevice, joinExtentLists, walkExtentLists } from '@nbdjs/kit';

/**
 * Compares which bytes are allocated, by the block maps, as far as both devices reach. All of a device without `base:allocation` counts as
 * allocated.
 *
 * @returns the position of the first byte that is allocated in one of them only, or `undefined`.
 * @throws what the devices' `blockStatus` throws, or the signal's reason.
 */
export async function compareAllocation(
  source: BlockDevice,
  target: BlockDevice,
  { signal }: Abortable = {},
): Promise<bigint | undefined> {
  checkDevice('compare', 'the source', source);
  checkDevice('compare', 'the target', target);
  const sizes = [source.geometry.size, target.geometry.size] as const;
  const length = sizes[0] < sizes[1] ? sizes[0] : sizes[1];
  if (length === 0n) return undefined;
  const lists = [source, target].map((device) => mapOf(device, length, signal));
  for await (const extents of joinExtentLists(lists, 0n)) {
    const differing = extents.find(({ statuses: [one = 0n, other = 0n] }) => isHole(one) !== isHole(other));
    if (differing !== undefined) return differing.offset;
  }
  return undefined;
}

async function* mapOf(
  device: BlockDevice,
  length: bigint,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Extent[], void, void> {
  if (device.abilities.contexts.includes(baseAllocation)) yield* walkExtentLists(device, { length, signal });
  else yield [{ offset: 0n, length, status: 0n }];
}

function isHole(status: bigint): boolean {
  return (status & BigInt(AllocationStatus.Hole)) !== 0n;
}
