/** Waiting for servers that are not there yet. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ConnectionEvent } from '@nbdjs/connection';
import { oneLine } from './failure.ts';
import type { Terminal } from './terminal.ts';

/** Delays between tries, in seconds: 1, 2, 4, 8, 16, 16, ... */
const delaySecondsMax = 16;

/** The delays are up to a fifth longer, and the last try takes time, too. */
const slack = { factor: 1.2, ms: 1000 };

/** Milliseconds that so many tries take, with growing delays between them; 0 for none. */
export function patienceMs(retries: number): number {
  if (retries === 0) return 0;
  let seconds = 0;
  for (let retry = 0, delay = 1; retry < retries; retry++, delay = Math.min(2 * delay, delaySecondsMax)) {
    seconds += delay;
  }
  return Math.ceil(1000 * seconds * slack.factor) + slack.ms;
}

const channels = { failed: 'nbdjs:connection:failed', sleep: 'nbdjs:connection:sleep' } as const;

/** Does something that may wait for a server, and says what it is waiting for: each reason once. */
export async function tellingWhy<Result>(terminal: Terminal, wait: () => Promise<Result>): Promise<Result> {
  let reason = '';
  let told = '';
  const onFailed = (event: unknown): void => {
    const { error } = event as Extract<ConnectionEvent, { type: 'failed' }>;
    reason = oneLine(error);
  };
  const onSleep = (): void => {
    if (reason !== told) terminal.note(`nbd: ${reason}; trying again`);
    told = reason;
  };
  subscribe(channels.failed, onFailed);
  subscribe(channels.sleep, onSleep);
  try {
    return await wait();
  } finally {
    unsubscribe(channels.failed, onFailed);
    unsubscribe(channels.sleep, onSleep);
  }
}
