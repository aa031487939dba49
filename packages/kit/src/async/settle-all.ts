/** Waiting for several pieces of work whose memory is in use until all of them have ended. */

/**
 * Waits for all work, also when some of it fails. Work that has ended at once is `undefined`; when all of it has, nothing is
 * waited for.
 *
 * @throws the error that came first.
 */
export function settleAll(work: readonly (void | Promise<void>)[]): void | Promise<void> {
  if (work.some((one) => one !== undefined)) return settlePromises(work);
  return undefined;
}

async function settlePromises(work: readonly (void | Promise<void>)[]): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const note = (error: unknown): void => {
    failure ??= { error };
  };
  await Promise.all(work.map((one) => one?.catch(note)));
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
}
