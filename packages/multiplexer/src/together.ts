/** Waiting for several things, when memory is at stake: nothing is over before all of it is over. */
import { listen, stopListening } from './abort-listening.ts';

/** Parts of one call that are under way at a time. */
const partsInFlightMax = 16;

/** Waits until all have settled, then throws the error that came first, if any. */
export async function allSettled(works: readonly (Promise<unknown> | undefined)[]): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  await Promise.all(
    works.map((work) =>
      work?.catch((error: unknown) => {
        failure ??= { error };
      }),
    ),
  );
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
}

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
  await allSettled(Array.from({ length: partsInFlightMax }, lane));
}

/** The same result, or the signal's reason as soon as that is aborted; the work itself goes on then. */
export async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work;
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
  });
  if (signal.aborted) onAbort();
  else listen(signal, onAbort);
  try {
    return await Promise.race([aborted, work]);
  } finally {
    stopListening(signal, onAbort);
  }
}
