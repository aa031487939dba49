/** Waiting with a limit. */
import type { Clock } from '@nbdjs/interfaces';

/** Settles with the work, or after so many milliseconds. Work that fails counts as done. The limit keeps the process alive. */
export function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.schedule(limitMs, resolve, true);
    const done = (): void => {
      cancel();
      resolve();
    };
    work.then(done, done);
  });
}
