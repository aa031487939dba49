/** Letting other work on the thread have its turn. */
import type { Defer } from '@nbdjs/interfaces';

/** Hashing takes the processor for this long at a time, in milliseconds. */
const turnMs = 10;

/** Returns a function that settles at once, or in the event loop's next turn when the present one has taken long enough. */
export function nextTurnOf(nextTurn: Defer | undefined): () => void | Promise<void> {
  let startMs = Date.now();
  return () => {
    if (nextTurn === undefined || Date.now() - startMs < turnMs) return undefined;
    return new Promise((resolve) => {
      nextTurn(() => {
        startMs = Date.now();
        resolve();
      });
    });
  };
}
