/** Events of attempts to connect, on Node's diagnostics channels `nbdjs:connection:<type>`. */
import { channel } from 'node:diagnostics_channel';

/** A message on the channel `nbdjs:connection:<type>`. `endpoint` is the name that error messages use. */
export type ConnectionEvent =
  /** A connector was made; `reason` says in one line why this delivery was chosen. */
  | { readonly type: 'chosen'; readonly endpoint: string; readonly delivery: string; readonly reason: string }
  /** An attempt begins. Attempts are counted from 1, and again from 1 after each success. */
  | { readonly type: 'attempt'; readonly endpoint: string; readonly attempt: number }
  | {
      readonly type: 'failed';
      readonly endpoint: string;
      readonly attempt: number;
      readonly error: Error;
      /** Whether a new attempt would fail in the same way. */
      readonly permanent: boolean;
    }
  /** The next attempt begins in `delayMs` milliseconds. */
  | { readonly type: 'sleep'; readonly endpoint: string; readonly delayMs: number }
  | { readonly type: 'established'; readonly endpoint: string; readonly attempt: number; readonly durationMs: number }
  /**
   * The server has hung up at an option, or lost its place behind it. It is connected to again at once, and the options in `avoided` are
   * left out from now on.
   */
  | {
      readonly type: 'downgraded';
      readonly endpoint: string;
      readonly option: string;
      readonly avoided: readonly string[];
    }
  /** The connector was released. */
  | { readonly type: 'released'; readonly endpoint: string };

const channels = {
  chosen: channel('nbdjs:connection:chosen'),
  attempt: channel('nbdjs:connection:attempt'),
  failed: channel('nbdjs:connection:failed'),
  sleep: channel('nbdjs:connection:sleep'),
  established: channel('nbdjs:connection:established'),
  downgraded: channel('nbdjs:connection:downgraded'),
  released: channel('nbdjs:connection:released'),
};

/** Returns whether one of the channels has a subscriber. */
export function hasSubscribers(): boolean {
  return Object.values(channels).some((one) => one.hasSubscribers);
}

export function publish(event: ConnectionEvent): void {
  const { [event.type]: target } = channels;
  if (target.hasSubscribers) target.publish(event);
}
