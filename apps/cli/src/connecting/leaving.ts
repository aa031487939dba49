/** Closes a client in order, but within a short time: a command that has its answer does not wait for a server that is silent. */
import type { NbdClient } from '@nbdjs/client';

/** How long a server may take over the end, in milliseconds. */
const patienceMs = 500;

/** The same after the user has interrupted the program. */
const interruptedMs = 200;

/**
 * Closes a client in order (`DISC`) when the block is left (`await using`), unless a request is under way that the server does not
 * answer. `signal` shortens the wait.
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
