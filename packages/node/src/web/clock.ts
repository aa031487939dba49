/** Time behind the seam `Clock`, from what pages, workers and other runtimes of the web have. */
import type { Clock } from '@nbdjs/interfaces';

/** `setTimeout` treats a longer delay than this, 24.8 days, as none. */
const timerMsMax = 2 ** 31 - 1;

/**
 * The monotonic clock of the page or worker, in milliseconds. Delays of any length are kept, `Infinity` included. Browsers let
 * the timers of a page in the background fire late, up to a minute apart.
 */
export const systemClock: Clock = {
  now() {
    return performance.now();
  },
  schedule(delayMs, task) {
    let timer: ReturnType<typeof setTimeout>;
    const wait = (restMs: number): void => {
      const isLast = restMs <= timerMsMax;
      timer = setTimeout(isLast ? task : () => wait(restMs - timerMsMax), isLast ? restMs : timerMsMax);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};
