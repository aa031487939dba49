/** Long ranges, a part at a time. */
import { settleAll } from '@nbdjs/kit';

/** Parts of one call that are under way at a time. */
const partsInFlightMax = 16;

/**
 * Does a range in parts of at most `lengthMax` bytes, several at a time. When one fails, no further part begins, and the
 * first error is thrown when all that were under way have settled: before, memory may still be in use. An empty range is
 * one part.
 */
export async function inParts(
  start: bigint,
  end: bigint,
  lengthMax: bigint,
  work: (from: bigint, to: bigint) => Promise<void>,
): Promise<void> {
  if (end - start <= lengthMax) return work(start, end);
  let position = start;
  let hasFailed = false;
  const lane = async (): Promise<void> => {
    while (position < end && !hasFailed) {
      const from = position;
      position = end - from <= lengthMax ? end : from + lengthMax;
      try {
        await work(from, position);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  await settleAll(Array.from({ length: partsInFlightMax }, lane));
}
