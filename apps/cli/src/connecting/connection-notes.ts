/** Lines on standard error about attempts to connect. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ConnectionEvents } from '@nbdjs/connection';
import { oneLine } from '../errors/one-line.ts';
import type { Terminal } from '../terminal.ts';

type Listeners = {
  readonly [Name in keyof ConnectionEvents]?: (event: ConnectionEvents[Name]) => void;
};

/**
 * Does something that may wait for a server. Prints why it waits, each reason once; if verbose, also which options were left out because a
 * server hung up.
 */
export async function noting<Result>(
  { verbose }: { readonly verbose?: boolean | undefined },
  terminal: Terminal,
  act: () => Promise<Result>,
): Promise<Result> {
  let reason = '';
  let printed = '';
  return await listening(
    {
      failed: ({ error }) => {
        reason = oneLine(error);
      },
      sleep: () => {
        if (reason !== printed) terminal.note(`nbd: ${reason}; trying again`);
        printed = reason;
      },
      downgraded: ({ endpoint, option, avoided }) => {
        if (verbose !== true) return;
        terminal.note(
          `nbd: ${endpoint}: the server hung up because of option ${option}; trying without ${avoided.join(', ')}`,
        );
      },
    },
    act,
  );
}

async function listening<Result>(listeners: Listeners, act: () => Promise<Result>): Promise<Result> {
  const subscriptions = Object.entries(listeners).map(
    ([name, listener]) => [`nbdjs:connection:${name}`, listener as (event: unknown) => void] as const,
  );
  for (const [channel, listener] of subscriptions) subscribe(channel, listener);
  try {
    return await act();
  } finally {
    for (const [channel, listener] of subscriptions) unsubscribe(channel, listener);
  }
}
