/** What is allocated in a device below, where that can be asked. */
import { type Abortable, type BlockDevice, baseAllocation, type Extent } from '@nbdjs/interfaces';

/** Says what a range of a file consists of; offsets count from the start of the file. */
export type StatusSource = (offset: number, length: number, options: Abortable) => Promise<readonly Extent[]>;

/** The status of a device, if it has one that can be asked for any range. */
export function statusOf(device: BlockDevice): StatusSource | undefined {
  const isAny = device.takesAnyRange === true || device.geometry.minimumBlockSize === 1;
  if (!isAny || !device.abilities.contexts.includes(baseAllocation)) return undefined;
  return async (offset, length, { signal }) => {
    const [answer] = await device.blockStatus(offset, length, { contexts: [baseAllocation], signal });
    return answer?.extents ?? [];
  };
}
