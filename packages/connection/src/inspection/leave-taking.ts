/** Ends with a message to the server and a short limit: a caller that has its answer does not wait for a server that sends nothing more. */
import { disconnectRequest } from '@nbdjs/handshake';
import type { Established } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { farewell } from '../negotiation/farewell.ts';
import type { Negotiation } from '../negotiation/negotiation.ts';

/** How long the end may wait for the server, in milliseconds. */
const leaveMs = 500;

/** The same when the caller has aborted. */
const abortedLeaveMs = 200;

/** Sends `NBD_OPT_ABORT` to a server that awaits options, and hangs up. Does nothing when that has happened before. */
export async function leaveNegotiation(negotiation: Negotiation): Promise<void> {
  const cancel = systemClock.schedule(leaveMs, () => negotiation.close(), true);
  // While an option is outstanding, or after the connection has ended, no message can be sent.
  await negotiation.abort().catch(() => {});
  cancel();
  negotiation.close();
}

/**
 * Sends
 * `NBD_CMD_DISC` to a server whose export is open and has no request outstanding, and resolves when the connection is closed: at the latest 500 ms later, or 200 ms after `signal`
 * has aborted.
 */
export async function leaveExport({ channel, facts }: Established, signal?: AbortSignal): Promise<void> {
  let cancel = (): void => {};
  const hurry = (): void => {
    cancel = systemClock.schedule(abortedLeaveMs, () => channel.destroy(), true);
  };
  farewell(channel, [disconnectRequest(facts.mode)], systemClock, 'awaited');
  if (signal?.aborted) hurry();
  else signal?.addEventListener('abort', hurry, { once: true });
  await channel.closed;
  signal?.removeEventListener('abort', hurry);
  cancel();
}
