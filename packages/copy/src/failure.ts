/** Errors that say which side of a copy they come from. */
import { fromErrorRecord, toErrorRecord } from '@nbdjs/kit';

/** The same kind of error with the place in front of its message, and the original as its cause. */
export function failureAt(error: unknown, place: string): Error {
  const failure = fromErrorRecord(toErrorRecord(error));
  failure.message = `${place}: ${failure.message}`;
  Object.defineProperty(failure, 'cause', { value: error, configurable: true, writable: true });
  return failure;
}

/**
 * Runs several things and waits for all of them, also when one fails: their memory is in use until then.
 *
 * @throws the first error.
 */
export function settleAll(work: readonly (void | Promise<void>)[]): void | Promise<void> {
  if (work.length === 1) return work[0];
  if (work.some((one) => one !== undefined)) return settlePromises(work);
  return undefined;
}

async function settlePromises(work: readonly (void | Promise<void>)[]): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const watch = async (one: void | Promise<void>): Promise<void> => {
    try {
      await one;
    } catch (error) {
      failure ??= { error };
    }
  };
  await Promise.all(work.map(watch));
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
}
