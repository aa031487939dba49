/** What requests fail with. Each promise gets an error of its own, with the shared one as its cause. */
import { CommandError, ConnectionLostError, NegotiationError, ProtocolError, UsageError } from '@nbdjs/interfaces';
import { copyError, endInWords } from '@nbdjs/kit';
import { Command, commands, isKnownWireError, wireErrorCode, wireErrorWords } from '@nbdjs/protocol';
import type { Checks } from './export/checks.ts';
import type { Request } from './requests/request.ts';

/** A request in words: `READ of 4096 bytes at 8192`. */
export function describe(request: Request): string {
  const name = commands.name(request.command);
  if (request.command === Command.Flush || request.command === Command.Disconnect) return name;
  if (request.command === Command.Resize) return `${name} to ${request.offset} bytes`;
  return `${name} of ${request.length} bytes at ${request.offset}`;
}

/** The server's answer to a request was an error. An unexpected number counts as `EINVAL` (C57). */
export function commandError(request: Request): CommandError {
  const { error, details } = request;
  if (details?.malformation !== undefined) return malformedError(request, details.malformation);
  const code = wireErrorCode(error);
  const isKnown = isKnownWireError(error);
  const meaning = isKnown ? wireErrorWords(code) : `unknown error ${error}`;
  const place = details?.errorOffset === undefined ? '' : ` at ${details.errorOffset}`;
  const text = details?.errorText ? `; server reported: ${details.errorText}` : '';
  return new CommandError(code, `${describe(request)} failed: ${code} (${meaning})${place}${text}`, {
    command: commands.name(request.command),
    offset: details?.errorOffset ?? request.offset,
    length: request.length,
    serverText: details?.errorText,
    wireNumber: isKnown ? undefined : error,
  });
}

/** The server's answer broke the rules, which is taken for the answer of a server that cannot do it. */
function malformedError(request: Request, cause: ProtocolError): CommandError {
  const what = describe(request);
  // Some violations say already whose reply it is.
  const why = cause.message.startsWith(`${what}: `) ? cause.message.slice(what.length + 2) : cause.message;
  return new CommandError('EIO', `${what} failed: the reply is malformed: ${why}`, {
    command: commands.name(request.command),
    offset: request.offset,
    length: request.length,
    cause,
  });
}

/** The server gives no access to the bytes behind its last whole block, from `tailStart` on (C43). */
export function tailError(request: Request, { facts, tailStart }: Checks, refusal: CommandError): CommandError {
  const what = `${describe(request)} touches the last ${facts.size - tailStart} bytes of the export`;
  const why = `which blocks of ${facts.blockSizes?.minimum} bytes do not reach, and the server refuses it`;
  const text = refusal.serverText ? `; server reported: ${refusal.serverText}` : '';
  const { command, offset, length, serverText } = refusal;
  return new CommandError('EINVAL', `${what}, ${why}${text}`, { command, offset, length, serverText, cause: refusal });
}

/** The connection went away before the request was answered. */
export function lostError(
  request: Request,
  outcome: 'not-sent' | 'unknown',
  cause: Error | undefined,
): ConnectionLostError {
  const why = endInWords(cause);
  const known = outcome === 'not-sent' ? 'it was not sent' : 'whether it was carried out is unknown';
  return new ConnectionLostError(outcome, `${describe(request)}: the connection was lost (${why}); ${known}`, {
    cause,
  });
}

/** The only connection that there was to be is gone. */
export function lostForGoodError(cause: Error | undefined): ConnectionLostError {
  const why = endInWords(cause);
  return new ConnectionLostError('not-sent', `the connection was lost (${why}), and there is no other`, { cause });
}

/** What calls fail with that come too late. */
export function closedError(cause: Error | undefined): UsageError {
  const why = cause === undefined ? '' : `: ${endInWords(cause)}`;
  return new UsageError('ERR_NBD_CLOSED', `the device is closed${why}`, { cause });
}

/** What requests that are not in flight fail with when the device is closed for good. */
export function neverSentError(request: Request, cause: Error): Error {
  // Requests that wait fail with what has changed in the export; for any other reason they were simply not sent.
  return cause instanceof NegotiationError ? copyError(cause) : lostError(request, outcomeOf(request), cause);
}

/** What requests fail with that have waited for a connection in vain. */
export function waitedInVainError(request: Request, cause: Error): Error {
  const outcome = outcomeOf(request);
  return outcome === 'unknown' ? lostError(request, outcome, cause) : copyError(cause);
}

/** A request that waits may have been sent before, by a connection that was lost. */
function outcomeOf(request: Request): 'not-sent' | 'unknown' {
  return request.details !== undefined && request.details.losses > 0 ? 'unknown' : 'not-sent';
}

/** The server broke a rule of the specification, found where replies meet their requests. */
export function violation(name: string, message: string, rule: string, excerpt?: Uint8Array): ProtocolError {
  return new ProtocolError(name, message, { phase: 'transmission', rule, excerpt });
}
