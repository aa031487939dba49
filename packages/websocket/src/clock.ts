/** Time in every runtime, Node or browser. */
import type { Clock } from '@nbdjs/interfaces';

/** A longer delay than this, 24.8 days, would expire at once. */
const timerMsMax = 2 ** 31 - 1;

/** The clock of the runtime. Where timers can keep the process alive, only those do that are awaited. */
export const runtimeClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, task, isAwaited = false) {
    const timer = setTimeout(task, Math.min(delayMs, timerMsMax)) as unknown as { unref?(): void };
    if (!isAwaited) timer.unref?.();
    return () => clearTimeout(timer as unknown as number);
  },
};
