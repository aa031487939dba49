/** Work that its caller can abandon. */
import { listenForAbort, stopListeningForAbort } from './abort-listening.ts';

/**
 * Returns the result of the work, or throws the signal's reason as soon as the signal is aborted. The work itself goes on then.
 */
export async function untilAborted<Result>(work: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return work;
  let onAbort = (): void => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
  });
  if (signal.aborted) onAbort();
  else listenForAbort(signal, onAbort);
  try {
    return await Promise.race([aborted, work]);
  } finally {
    stopListeningForAbort(signal, onAbort);
  }
}
