/** Time behind the seam `Clock`. */
import type { Clock } from '@nbdjs/interfaces';

/** `setTimeout` treats a longer delay than this, 24.8 days, as one millisecond. */
const timerMsMax = 2 ** 31 - 1;

/**
 * Node's monotonic clock, in milliseconds. Delays of any length are kept,
 * `Infinity` included. A timer keeps the process alive only when `schedule` was called with `isAwaited`.
 */
export const systemClock: Clock = {
  now() {
    // As fast as `performance.now`, whose first use loads a module for most of a millisecond; `hrtime` without `bigint` makes an array.
    return Number(process.hrtime.bigint()) / 1e6;
  },
  schedule(delayMs, task, isAwaited = false) {
    let timer: NodeJS.Timeout;
    const wait = (restMs: number): void => {
      const isLast = restMs <= timerMsMax;
      timer = setTimeout(isLast ? task : () => wait(restMs - timerMsMax), isLast ? restMs : timerMsMax);
      if (!isAwaited) timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};
