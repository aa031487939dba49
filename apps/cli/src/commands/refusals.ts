/** Tells of clients that a server turns away: for reasons of TLS always, for others when it is asked to say more. */
import { diagnosticsTrace } from '@nbdjs/client';
import { isNbdError, type PeerDescription, type Trace } from '@nbdjs/interfaces';
import { traceEvents } from '@nbdjs/server';
import { oneLine } from '../failure.ts';
import type { Terminal } from '../terminal.ts';

/** Events that tell of somebody who was turned away; others are looked at by whoever subscribes to the channels. */
const refusals: ReadonlySet<string> = new Set(['handshake-failed', 'export-refused']);

/** What a person who has set up certificates or keys waits for; all else may be a mere look at the port. */
const tlsCodes: ReadonlySet<string> = new Set(['ERR_NBD_TLS', 'ERR_NBD_POLICY']);
const tlsViolation = 'clear-text-behind-starttls';

/** A server's trace that prints refusals, and publishes everything on the diagnostics channels as well. */
export function refusalTrace(terminal: Terminal, isVerbose: boolean): Trace {
  const channels = diagnosticsTrace('server', traceEvents);
  let last = '';
  return {
    enabled: true,
    emit(event, details) {
      channels.emit(event, details);
      if (!refusals.has(event)) return;
      const { peer, error } = details as { readonly peer?: PeerDescription; readonly error?: unknown };
      if (!isVerbose && !isAboutTls(error)) return;
      const line = `nbd: client ${peer?.name ?? 'unknown'}: ${oneLine(error)}`;
      // Whoever is not served by one option tries the next.
      if (line !== last) terminal.note(line);
      last = line;
    },
  };
}

function isAboutTls(error: unknown): boolean {
  if (!isNbdError(error)) return false;
  return tlsCodes.has(error.code) || ('violation' in error && error.violation === tlsViolation);
}
