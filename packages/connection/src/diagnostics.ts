/** What happens to attempts, on Node's diagnostics channels `nbdjs:connection:<type>`. */
import { channel } from 'node:diagnostics_channel';

/** A message on the channel `nbdjs:connection:<type>`. `endpoint` is what error messages call it, too. */
export type ConnectionEvent =
  /** A connector was made; `reason` says in one line why it works that way. */
  | { readonly type: 'chosen'; readonly endpoint: string; readonly delivery: string; readonly reason: string }
  /** An attempt begins; they are counted from 1 after each success. */
  | { readonly type: 'attempt'; readonly endpoint: string; readonly attempt: number }
  | {
      readonly type: 'failed';
      readonly endpoint: string;
      readonly attempt: number;
      readonly error: Error;
      /** Whether it is a refusal that would be repeated. */
      readonly permanent: boolean;
    }
  /** The next attempt begins in so many milliseconds. */
  | { readonly type: 'sleep'; readonly endpoint: string; readonly delayMs: number }
  | { readonly type: 'established'; readonly endpoint: string; readonly attempt: number; readonly durationMs: number }
  /**
   * The server hung up at an option, or lost its place behind it. It is met again at once, and the options in `avoided` are left out
   * from now on.
   */
  | {
      readonly type: 'downgraded';
      readonly endpoint: string;
      readonly option: string;
      readonly avoided: readonly string[];
    }
  /** The connector was let go. */
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

/** Whether anybody has subscribed to any of the channels. */
export function anybodyListens(): boolean {
  return Object.values(channels).some((one) => one.hasSubscribers);
}

export function publish(event: ConnectionEvent): void {
  const { [event.type]: target } = channels;
  if (target.hasSubscribers) target.publish(event);
}
