/** Ends that are polite, and never long: who has got an answer does not wait for a server that says nothing more. */
import type { NbdClient } from '@nbdjs/client';
import type { Negotiation } from '@nbdjs/connection';

/** How long a server may take over our leave, in milliseconds. */
const patienceMs = 500;

/** The same once the user has said that it is to end. */
const interruptedMs = 200;

/** Says goodbye to a server that awaits options. Does nothing where that has happened already. */
export async function leaveNegotiation(negotiation: Negotiation): Promise<void> {
  const timer = setTimeout(() => negotiation.close(), patienceMs);
  // An option that is outstanding, or a connection that is gone, leaves nothing to be said.
  await negotiation.abort().catch(() => {});
  clearTimeout(timer);
  negotiation.close();
}

/**
 * Closes a client when the block is left (`await using`): with the goodbye that the server is owed, unless a request is under
 * way that it does not answer. `signal` makes it hurry.
 */
export function leaving(client: NbdClient, signal: AbortSignal): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      const timers = [setTimeout(() => client.destroy(), patienceMs)];
      const hurry = (): void => void timers.push(setTimeout(() => client.destroy(), interruptedMs));
      if (signal.aborted) hurry();
      else signal.addEventListener('abort', hurry, { once: true });
      try {
        await client.close().catch(() => {});
      } finally {
        signal.removeEventListener('abort', hurry);
        for (const timer of timers) clearTimeout(timer);
      }
    },
  };
}
