/** Ends that are polite and short: a caller that has its answer does not wait for a server that says nothing more. */
import { disconnectRequest } from '@nbdjs/handshake';
import type { Established } from '@nbdjs/interfaces';
import { systemClock } from '@nbdjs/node';
import { farewell } from '../negotiation/farewell.ts';
import type { Negotiation } from '../negotiation/negotiation.ts';

/** How long a server may take over the end, in milliseconds. */
const leaveMs = 500;

/** The same when the caller has aborted. */
const abortedLeaveMs = 200;

/** Says goodbye to a server that awaits options (`NBD_OPT_ABORT`), and hangs up. Does nothing when that has happened before. */
export async function leaveNegotiation(negotiation: Negotiation): Promise<void> {
  const cancel = systemClock.schedule(leaveMs, () => negotiation.close(), true);
  // An option that is outstanding, or a connection that is gone, leaves nothing to be said.
  await negotiation.abort().catch(() => {});
  cancel();
  negotiation.close();
}

/**
 * Says goodbye to a server whose export is open and has no request outstanding (`NBD_CMD_DISC`), and resolves when the connection is
 * closed: at the latest 500 ms later, or 200 ms after `signal` has aborted.
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
