/** Lines on standard error about attempts to connect. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ConnectionEvent } from '@nbdjs/connection';
import { oneLine } from '../errors/one-line.ts';
import type { Terminal } from '../terminal.ts';

type Listeners = {
  readonly [Type in ConnectionEvent['type']]?: (event: Extract<ConnectionEvent, { type: Type }>) => void;
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
  const listen = (event: unknown): void => {
    const { type } = event as ConnectionEvent;
    (listeners[type] as ((event: unknown) => void) | undefined)?.(event);
  };
  const channels = Object.keys(listeners).map((type) => `nbdjs:connection:${type}`);
  for (const channel of channels) subscribe(channel, listen);
  try {
    return await act();
  } finally {
    for (const channel of channels) unsubscribe(channel, listen);
  }
}
