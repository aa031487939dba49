/** Sums over a block map. */
import { CommandError, type Extent } from '@nbdjs/interfaces';

/** Different statuses that the extents of one context may have when they are added up. A device makes them up, so there is a bound. */
export const extentStatusesMax = 65_536;

/**
 * Returns the number of bytes that have each status.
 *
 * @throws CommandError `EOVERFLOW` when there are more than 65,536 statuses.
 */
export async function totalExtents(
  extents: AsyncIterable<Extent | readonly Extent[]> | Iterable<Extent | readonly Extent[]>,
): Promise<Map<bigint, bigint>> {
  const totals = new Map<bigint, bigint>();
  const add = ({ status, length }: Extent): void => {
    const known = totals.get(status);
    if (known === undefined && totals.size >= extentStatusesMax) {
      const message = `expected at most ${extentStatusesMax} statuses of extents, got more`;
      throw new CommandError('EOVERFLOW', message, { command: 'BLOCK_STATUS' });
    }
    totals.set(status, (known ?? 0n) + length);
  };
  for await (const item of extents) {
    if ('status' in item) add(item);
    else for (const extent of item) add(extent);
  }
  return totals;
}
