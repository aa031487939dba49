/** Work on changes as they come: much of it at a time, and no more in memory than a bound. */
import type { ChangesEntry, ChangesStart } from './entry.ts';

/** What is done with the parts of a file. */
export interface ChangesVisitor {
  /** Called first, before the others. */
  start(start: ChangesStart): void | Promise<void>;
  data(offset: bigint, bytes: Uint8Array): Promise<void>;
  zeroes(offset: bigint, length: bigint): Promise<void>;
}

/** A change without data counts as much as this, in bytes. */
const zeroesCountAs = 65_536;

/**
 * Visits all parts. Changes are worked on side by side, as many as have `bytesMax` together, and those under way are waited for in any case. Returns
 * when all is done and the end has come.
 *
 * @throws the first error, of the entries or of the work, or the signal's reason.
 */
export async function visitChanges(
  entries: AsyncIterable<ChangesEntry>,
  visitor: ChangesVisitor,
  { bytesMax, signal }: { readonly bytesMax: number; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  let bytes = 0;
  let failure: { readonly error: unknown } | undefined;
  const begin = (work: Promise<void>, cost: number): void => {
    bytes += cost;
    const settled = work
      .catch((error: unknown) => {
        failure ??= { error };
      })
      .finally(() => {
        bytes -= cost;
        underWay.delete(settled);
      });
    underWay.add(settled);
  };
  try {
    for await (const entry of entries) {
      signal?.throwIfAborted();
      if (entry.type === 'start') await visitor.start(entry);
      else if (entry.type === 'data') begin(visitor.data(entry.offset, entry.bytes), entry.bytes.length);
      else if (entry.type === 'zeroes') begin(visitor.zeroes(entry.offset, entry.length), zeroesCountAs);
      while (bytes >= bytesMax && failure === undefined) await Promise.race(underWay);
      if (failure !== undefined) break;
    }
  } finally {
    await Promise.all(underWay);
  }
  if (failure !== undefined) throw failure.error;
}
