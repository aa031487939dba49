/** The two moments to which work is deferred, behind the seam `Defer`. */
import type { Defer } from '@nbdjs/interfaces';

/**
 * Runs a task after the promise continuations that are ready now (`process.nextTick`). Node empties its tick queue again
 * after the microtasks, so one task sees everything that these continuations have issued and can send it together.
 */
export const afterMicrotasks: Defer = (task) => process.nextTick(task);

/** Runs a task on the next turn of the event loop, after input that has arrived already (`setImmediate`). */
export const nextTurn: Defer = (task) => {
  setImmediate(task);
};
