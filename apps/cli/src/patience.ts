/** Waiting for servers that are not there yet, and coming to terms with those that are. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type ConnectionEvent, longestDelaysMs } from '@nbdjs/connection';
import { limits } from '@nbdjs/interfaces';
import type { ServerWords } from './arguments/server.ts';
import { oneLine } from './failure.ts';
import type { Terminal } from './terminal.ts';

export interface Patience {
  /** Tries to connect at first. */
  readonly openAttemptsMax: number;
  /** More than the tries can take, in milliseconds; 0 where there is only one. */
  readonly openTimeoutMs: number;
  /** How long a server that has gone is waited for, in milliseconds. */
  readonly reconnectDelayMs: number;
}

/** What so many retries mean, with growing delays between them. */
export function patienceFor(retries: number): Patience {
  const openAttemptsMax = retries + 1;
  const reconnectDelayMs = longestDelaysMs(retries);
  const attemptMs = limits.connectMs + limits.handshakeMs;
  const openTimeoutMs = retries === 0 ? 0 : reconnectDelayMs + openAttemptsMax * attemptMs;
  return { openAttemptsMax, openTimeoutMs, reconnectDelayMs };
}

type Listeners = {
  readonly [Type in ConnectionEvent['type']]?: (event: Extract<ConnectionEvent, { type: Type }>) => void;
};

/** Does something that may wait for a server, and says what it is waiting for, each reason once; if wordy, also what was left out. */
export async function tellingWhy<Result>(
  { verbose }: Pick<ServerWords, 'verbose'>,
  terminal: Terminal,
  wait: () => Promise<Result>,
): Promise<Result> {
  let reason = '';
  let told = '';
  return await listening(
    {
      failed: ({ error }) => {
        reason = oneLine(error);
      },
      sleep: () => {
        if (reason !== told) terminal.note(`nbd: ${reason}; trying again`);
        told = reason;
      },
      downgraded: ({ endpoint, option, avoided }) => {
        if (!verbose) return;
        terminal.note(
          `nbd: ${endpoint}: the server hung up because of option ${option}; trying without ${avoided.join(', ')}`,
        );
      },
    },
    wait,
  );
}

async function listening<Result>(listeners: Listeners, act: () => Promise<Result>): Promise<Result> {
  const hear = (event: unknown): void => {
    const { type } = event as ConnectionEvent;
    (listeners[type] as ((event: unknown) => void) | undefined)?.(event);
  };
  const channels = Object.keys(listeners).map((type) => `nbdjs:connection:${type}`);
  for (const channel of channels) subscribe(channel, hear);
  try {
    return await act();
  } finally {
    for (const channel of channels) unsubscribe(channel, hear);
  }
}
