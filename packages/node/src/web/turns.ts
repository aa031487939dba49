/** The two moments to which work is deferred, behind the seam `Defer`, where there is no Node. */
import type { Defer } from '@nbdjs/interfaces';

/**
 * Runs a task after the promise continuations that are ready now, and after those that these add. There is no queue behind the
 * microtasks as in Node, so what a chain of more than two continuations issues is sent on its own.
 */
export const afterMicrotasks: Defer = (task) => {
  queueMicrotask(() => queueMicrotask(task));
};

const waiting: (() => void)[] = [];
let sendTurn: (() => void) | undefined;

/**
 * Runs a task on the next turn of the event loop. Browsers hold back nested timers by 4 milliseconds and more; messages are not
 * held back.
 */
export const nextTurn: Defer = (task) => {
  waiting.push(task);
  sendTurn ??= openTurns();
  sendTurn();
};

/** Each message to the channel runs the task that has waited longest. */
function openTurns(): () => void {
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener('message', () => waiting.shift()?.());
  port1.start();
  return () => port2.postMessage(undefined);
}
