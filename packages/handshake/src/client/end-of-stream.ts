/** The error for a server whose stream ends in the middle of the handshake. */
import { ConnectError, type NbdError, NegotiationError, ProtocolError } from '@nbdjs/interfaces';
import { endInWords, isHangUp } from '@nbdjs/kit';
import { options, printableText } from '@nbdjs/protocol';
import type { Conversation } from './conversation.ts';
import { mayBecomeNbd } from './foreign-peers.ts';
import { notNbd } from './greeting.ts';
import { nameOfExport } from './refusals.ts';

/**
 * The error of the transport is the most precise one about TLS and about a server that is a program, and about whether the same can happen
 * again. Some of it shows only after the connection was made.
 */
const explainedByTransport: ReadonlySet<string> = new Set(['ERR_NBD_TLS', 'ERR_NBD_COMMAND']);

/** `partial`: the bytes that had landed of the message that was awaited. */
export function endOfStream(conversation: Conversation, partial: Uint8Array, cause?: Error): NbdError {
  const { state, activity, outstanding, suspect } = conversation;
  if (cause instanceof ConnectError && explainedByTransport.has(cause.code)) return cause;
  if (state === 'tls') return tlsFailed(cause);
  if (!conversation.isNbd && partial.length > 0 && !mayBecomeNbd(partial)) return notNbd(partial);
  const { how, why } = manner(cause);
  if (suspect !== undefined) return lostItsPlace(conversation, suspect, how, cause);
  const option = outstanding === undefined ? undefined : options.name(outstanding);
  const closed = new ConnectError('ERR_NBD_PEER_CLOSED', `${how} while ${activity}${why}`, { cause, option });
  return state === 'export-name' && partial.length === 0 ? refusedByHangingUp(conversation, closed, cause) : closed;
}

function manner(cause: Error | undefined): { readonly how: string; readonly why: string } {
  if (isHangUp(cause)) return { how: endInWords(cause), why: '' };
  return { how: 'the connection broke', why: `: ${printableText(endInWords(cause))}` };
}

/** The cause is the last option that was answered, not the one that is awaited. */
function lostItsPlace(conversation: Conversation, suspect: number, how: string, cause?: Error): ConnectError {
  const option = options.name(suspect);
  const doubt = conversation.state === 'export-name' ? `, or have no ${nameOfExport(conversation.exportName)}` : '';
  const message = `${how} after it had refused option ${option}: it may have got out of sync there${doubt}`;
  return new ConnectError('ERR_NBD_OUT_OF_STEP', message, { cause, option });
}

function tlsFailed(cause?: Error): NbdError {
  if (cause instanceof ConnectError || cause instanceof ProtocolError) return cause;
  const { how, why } = manner(cause);
  return new ConnectError('ERR_NBD_TLS', `upgrade to TLS failed: ${why === '' ? how : why.slice(2)}`, { cause });
}

/**
 * A server can refuse an export that is asked for by `EXPORT_NAME` only by hanging up. A reset counts too: a server that has not read
 * everything causes one when it hangs up.
 */
function refusedByHangingUp(conversation: Conversation, closed: ConnectError, cause?: Error): NbdError {
  const hungUp = cause === undefined || ('code' in cause && cause.code === 'ECONNRESET');
  if (!hungUp) return closed;
  const subject = nameOfExport(conversation.exportName);
  const doubt = conversation.tls ? '' : ' or needs TLS';
  const message = `${subject} was refused: the server hung up when asked for it, so it probably does not exist${doubt}`;
  return new NegotiationError('ERR_NBD_UNKNOWN_EXPORT', message, { option: 'EXPORT_NAME', cause: closed });
}
