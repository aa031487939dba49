/** Sums over a block map. */
import { CommandError, type Extent, limits } from '@nbdjs/interfaces';

/**
 * Returns the number of bytes that have each status.
 *
 * @throws CommandError `EOVERFLOW` when there are more than `limits.extentStatusesMax` statuses.
 */
export async function totalExtents(
  extents: AsyncIterable<Extent | readonly Extent[]> | Iterable<Extent | readonly Extent[]>,
): Promise<Map<bigint, bigint>> {
  const totals = new Map<bigint, bigint>();
  const add = ({ status, length }: Extent): void => {
    const known = totals.get(status);
    if (known === undefined && totals.size >= limits.extentStatusesMax) {
      const message = `expected at most ${limits.extentStatusesMax} statuses of extents, got more`;
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
