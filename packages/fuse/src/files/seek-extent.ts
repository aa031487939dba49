/** Where data and holes are, for `lseek`. */
import { AllocationStatus, type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';

/**
 * Returns the first byte of data, or of a hole, from `offset` on; the end of the device counts as a hole. `undefined`: there is no
 * more data. A hole is what reads as zeroes, whether it is allocated or not. One extent is asked for at a time, so that the cost of walking
 * over all of them is that of their number.
 *
 * @throws what the device's `blockStatus` throws.
 */
export async function seekExtent(
  device: BlockDevice,
  offset: bigint,
  what: 'data' | 'hole',
): Promise<bigint | undefined> {
  const { size } = device.geometry;
  const hasMap = device.abilities.contexts.includes(baseAllocation);
  let position = offset;
  while (position < size) {
    const extent = hasMap ? await extentAt(device, position, size) : undefined;
    const isHole = extent !== undefined && (Number(extent.status & 3n) & AllocationStatus.Zero) !== 0;
    if (isHole === (what === 'hole')) return position;
    position = extent === undefined ? size : extent.offset + extent.length;
  }
  return what === 'hole' ? size : undefined;
}

/** The extent at a position, or `undefined` where the device does not say. */
async function extentAt(device: BlockDevice, offset: bigint, size: bigint): Promise<Extent | undefined> {
  const answer = await device.blockStatus(offset, size - offset, { contexts: [baseAllocation], one: true });
  const [first] = answer.find(({ context }) => context === baseAllocation)?.extents ?? [];
  return first?.offset === offset && first.length > 0n ? first : undefined;
}
