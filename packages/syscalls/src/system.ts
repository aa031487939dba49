/** The real world behind the seams: time, turns of the loop, and diagnostics channels. */
import { channel } from 'node:diagnostics_channel';
import type { Clock, Defer, Trace } from '@nbdjs/interfaces';

/** Node takes a longer time than this, 24.8 days, for one millisecond. */
const longestMs = 2 ** 31 - 1;

/** Node's monotonic clock. Its timers keep the process alive only when they are waited for. */
export const systemClock: Clock = {
  now: () => performance.now(),
  schedule(delayMs, task, isAwaited = false) {
    let timer: NodeJS.Timeout;
    const wait = (restMs: number): void => {
      const isLast = restMs <= longestMs;
      timer = setTimeout(isLast ? task : () => wait(restMs - longestMs), isLast ? restMs : longestMs);
      if (!isAwaited) timer.unref();
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
};

/**
 * Runs a task when the promise continuations that are ready have run: Node empties its tick queue again after the
 * microtasks, so whatever all of them have issued can leave together.
 */
export const afterMicrotasks: Defer = (task) => process.nextTick(task);

/** Runs a task on the event loop's next turn, behind input that is there already. */
export const nextTurn: Defer = (task) => {
  setImmediate(task);
};

/** Publishes a pure package's events as `nbdjs:<package>:<event>` on Node's diagnostics channels. */
export function diagnosticsTrace(packageName: string, events: readonly string[]): Trace {
  const channels = new Map(events.map((event) => [event, channel(`nbdjs:${packageName}:${event}`)]));
  return {
    get enabled() {
      for (const one of channels.values()) if (one.hasSubscribers) return true;
      return false;
    },
    emit(event, details) {
      channels.get(event)?.publish(details);
    },
  };
}
