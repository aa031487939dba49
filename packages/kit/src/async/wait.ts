/** Waiting for a time. */
import type { Abortable, Clock } from '@nbdjs/interfaces';
import { listenForAbort, stopListeningForAbort } from './abort-listening.ts';

/**
 * Settles after `ms` milliseconds.
 *
 * @throws the signal's reason as soon as the signal is aborted.
 */
export function wait(clock: Clock, ms: number, options?: Abortable): Promise<void> {
  return new Promise((resolve, reject) => {
    const signal = options?.signal;
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const expire = (): void => {
      if (signal !== undefined) stopListeningForAbort(signal, onAbort);
      resolve();
    };
    const cancel = clock.schedule(ms, expire, true);
    if (signal !== undefined) listenForAbort(signal, onAbort);
  });
}
