/** Time as a parameter, so that every state machine can be tested in virtual time. */

/** Cancels the timer; calling it late or twice has no effect. */
export type Cancel = () => void;

/** The present time, and timers. */
export interface Clock {
  /** Milliseconds since a fixed moment; never decreases. */
  now(): number;
  /**
   * Calls `task` once, `delayMs` from now. Such a timer does not keep the process alive, unless `isAwaited`: its caller waits for nothing
   * else.
   */
  schedule(delayMs: number, task: () => void, isAwaited?: boolean): Cancel;
}

/**
 * Runs `task` soon: after the code that is running and all promise continuations that it made ready, before the next turn of the loop.
 * Requests issued by all those continuations then leave in one write.
 */
export type Defer = (task: () => void) => void;
