/**
 * Lines on standard error about clients that are turned away or cut off. Some are always printed, because the user has set up rules that
 * they break, or because they lose their session: TLS, `--allow` and `--deny`, clients that stand still. Others are printed with
 * `--verbose` only: most of them just look at the port.
 */
import { isNbdError, type PeerDescription, type Trace } from '@nbdjs/interfaces';
import { diagnosticsTrace } from '@nbdjs/node';
import { type CutOffReason, type RefusalReason, type ServerEvents, serverEvents } from '@nbdjs/server';
import { oneLine } from '../../errors/one-line.ts';
import type { Terminal } from '../../terminal.ts';
import type { ServeOptions } from './command.ts';

/** A server's trace that prints these lines, and publishes all events on the diagnostics channels as well. */
export interface ClientLog extends Trace<ServerEvents> {
  /** Whether the handshake of a client has failed. */
  readonly hasFailedHandshake: boolean;
}

interface Details {
  readonly peer?: PeerDescription;
  readonly error?: unknown;
  readonly reason?: string;
  readonly message?: string;
}

/** Errors about certificates and keys, which the user has set up. */
const tlsCodes: ReadonlySet<string> = new Set(['ERR_NBD_TLS', 'ERR_NBD_POLICY']);
const tlsViolation = 'clear-text-behind-starttls';

const refusals: Readonly<Record<RefusalReason, string>> = {
  closing: 'the server is about to end',
  denied: 'is among those of --deny',
  'not-allowed': 'is not among those of --allow',
  'too-many': 'too many clients wait (--max-waiting)',
  'no-place': 'all places are taken, and the clients that have them do nothing (--shared, --wait-limit)',
  'too-many-from-address': 'too many connections of its address (--max-connections-per-address)',
  'too-often-from-address': 'its address comes too often (--max-connects-per-second)',
  'no-thread': 'all threads have died, and no more are started',
};

/** A client that a list keeps out is printed once for each address, for this many addresses. */
const addressesMax = 1000;
const byList: ReadonlySet<string> = new Set<RefusalReason>(['denied', 'not-allowed']);
/** Reasons for which a client loses its session. */
const losses: ReadonlySet<string> = new Set<CutOffReason>(['stall', 'unread', 'pressure', 'place', 'idle']);

export function createClientLog(
  { verbose, stdio }: Pick<ServeOptions, 'verbose' | 'stdio'>,
  terminal: Terminal,
): ClientLog {
  const channels = diagnosticsTrace<ServerEvents>(serverEvents);
  const isImportant = importance(stdio === true);
  /** Errors that were printed; one error can make several events. */
  const printed = new WeakSet<object>();
  let lastLine = '';
  let hasFailedHandshake = false;

  const print = (event: string, details: Details): void => {
    if (event === 'thread-ended') terminal.note(deathLine(details as ServerEvents['thread-ended']));
    const text = describeEvent(event, details);
    if (text === undefined) return;
    if (event === 'handshake-failed') hasFailedHandshake = true;
    if (!isImportant(event, details) && verbose !== true) return;
    const { peer, error } = details;
    const user = peer?.user === undefined ? '' : ` (uid ${peer.user.uid})`;
    const line = `nbd: client ${peer?.name ?? 'unknown'}${user}: ${text}`;
    // A client that is refused after one option tries the next.
    const isRepeated = event === 'export-refused' && line === lastLine;
    if (!isRepeated && !(error instanceof Error && printed.has(error))) terminal.note(line);
    if (error instanceof Error) printed.add(error);
    lastLine = line;
  };

  return {
    enabled: true,
    get hasFailedHandshake() {
      return hasFailedHandshake;
    },
    emit(event, details) {
      channels.emit(event, details);
      print(event, details as Details);
    },
  };
}

function deathLine({ thread, sessions, isReplaced, error }: ServerEvents['thread-ended']): string {
  const clients = sessions === 1 ? '1 client is' : `${sessions} clients are`;
  const then = isReplaced ? 'another thread takes its place' : 'it is not started again';
  return `nbd: thread ${thread} has died (${oneLine(error)}): ${clients} disconnected, and ${then}`;
}

/** Makes the function that decides whether an event is printed without `--verbose`. */
function importance(isStdio: boolean): (event: string, details: Details) => boolean {
  const addresses = new Set<string>();
  return (event, { peer, error, reason = '' }) => {
    if (event === 'cut-off') return losses.has(reason);
    if (event !== 'refused') return isStdio || isAboutTls(error);
    const address = peer?.address ?? String(peer?.user?.uid ?? '');
    if (!byList.has(reason) || addresses.has(address) || addresses.size >= addressesMax) return false;
    addresses.add(address);
    return true;
  };
}

/** Returns the text of an event; `undefined` for one in which no client is turned away. */
function describeEvent(event: string, { error, reason = '', message }: Details): string | undefined {
  switch (event) {
    case 'handshake-failed':
    case 'export-refused':
      return oneLine(error);
    case 'refused':
      return `turned away: ${message ?? refusals[reason as RefusalReason] ?? reason}`;
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
