/**
 * Tells of clients that a server turns away or cuts off. Those whom somebody has set up rules for are told of always (TLS, lists of
 * who may come, clients that lose their session because they stand still), others when it is asked to say more: most of them only look
 * at the port.
 */

import { isNbdError, type PeerDescription, type Trace } from '@nbdjs/interfaces';
import { diagnosticsTrace } from '@nbdjs/node';
import { type CutOffReason, type RefusalReason, traceEvents } from '@nbdjs/server';
import { oneLine } from '../failure.ts';
import type { Terminal } from '../terminal.ts';

export interface RefusalTrace extends Trace {
  /** Whether a client has come and not got through its handshake. */
  readonly hasFailed: boolean;
}

/** What a person who has set up certificates or keys waits for; all else may be a mere look at the port. */
const tlsCodes: ReadonlySet<string> = new Set(['ERR_NBD_TLS', 'ERR_NBD_POLICY']);
const tlsViolation = 'clear-text-behind-starttls';

const words: Readonly<Record<RefusalReason, string>> = {
  closing: 'the server is about to end',
  denied: 'is among those of --deny',
  'not-allowed': 'is not among those of --allow',
  'too-many': 'too many clients wait (--max-waiting)',
  'no-place': 'all places are taken, and those who have them do nothing (--shared, --wait-limit)',
  'too-many-from-address': 'too many connections of its address (--max-connections-per-address)',
  'too-often-from-address': 'its address comes too often (--max-connects-per-second)',
};

/** Whoever is turned away by a list is told of once for each address; of so many. */
const addressesMax = 1000;
const byList: ReadonlySet<string> = new Set<RefusalReason>(['denied', 'not-allowed']);
/** Reasons that cost a client its session. */
const losses: ReadonlySet<string> = new Set<CutOffReason>(['stall', 'unread', 'pressure', 'place', 'idle']);

/** A server's trace that prints refusals, and publishes everything on the diagnostics channels as well. */
export function refusalTrace(
  terminal: Terminal,
  { verbose, stdio }: { readonly verbose: boolean; readonly stdio: boolean },
): RefusalTrace {
  const channels = diagnosticsTrace('server', traceEvents);
  const addresses = new Set<string>();
  /** What was told; one thing that goes wrong makes several events. */
  const told = new WeakSet<object>();
  let last = '';
  let hasFailed = false;

  /** Whether it is worth a line to whoever has not asked for more. */
  const isNews = (event: string, { peer, error, reason = '' }: Details): boolean => {
    if (event === 'cut-off') return losses.has(reason);
    if (event !== 'refused') return stdio || isAboutTls(error);
    const address = peer?.address ?? String(peer?.user?.uid ?? '');
    if (!byList.has(reason) || addresses.has(address) || addresses.size >= addressesMax) return false;
    addresses.add(address);
    return true;
  };

  return {
    enabled: true,
    get hasFailed() {
      return hasFailed;
    },
    emit(event, details) {
      channels.emit(event, details);
      const text = textOf(event, details as Details);
      if (text === undefined) return;
      if (event === 'handshake-failed') hasFailed = true;
      if (!isNews(event, details as Details) && !verbose) return;
      const { peer } = details as Details;
      const user = peer?.user === undefined ? '' : ` (uid ${peer.user.uid})`;
      const line = `nbd: client ${peer?.name ?? 'unknown'}${user}: ${text}`;
      const { error } = details as Details;
      // Whoever is not served by one option tries the next.
      const isRepeated = event === 'export-refused' && line === last;
      if (!isRepeated && !(error instanceof Error && told.has(error))) terminal.note(line);
      if (error instanceof Error) told.add(error);
      last = line;
    },
  };
}

interface Details {
  readonly peer?: PeerDescription;
  readonly error?: unknown;
  readonly reason?: string;
  readonly message?: string;
}

/** What is told of an event; nothing of those in which nobody is turned away. */
function textOf(event: string, { error, reason = '', message }: Details): string | undefined {
  switch (event) {
    case 'handshake-failed':
    case 'export-refused':
      return oneLine(error);
    case 'refused':
      return `turned away: ${message ?? words[reason as RefusalReason] ?? reason}`;
    case 'cut-off':
      return error === undefined ? (message ?? reason) : oneLine(error);
    case 'closed':
      // Most connections close without an error, or because the client's process has ended.
      return isNbdError(error) ? oneLine(error) : undefined;
    default:
      return undefined;
  }
}

function isAboutTls(error: unknown): boolean {
  if (!isNbdError(error)) return false;
  return tlsCodes.has(error.code) || ('violation' in error && error.violation === tlsViolation);
}
