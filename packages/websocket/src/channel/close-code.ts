/** Close codes of WebSockets (RFC 6455, section 7.4, and the registry of IANA), and the errors that they mean for a channel. */
import { oneLine } from './one-line.ts';

/** Codes that we send. */
export const closeCode = {
  /** Everything was sent; the purpose is fulfilled. */
  normal: 1000,
  /** The peer breaks the protocol. */
  protocolError: 1002,
  /** A message of a kind that is not accepted: text. Pages may not send this code. */
  unsupportedData: 1003,
  /** A text is not UTF-8. */
  notUtf8: 1007,
  /** A message is too long. */
  tooLong: 1009,
  /** This side cannot go on. Pages may not send this code. */
  internalError: 1011,
  /** What a page sends instead of 1003. */
  pageUnsupportedData: 4003,
  /** What a page sends instead of 1011. */
  pageInternalError: 4011,
} as const;

/** Whether a Close may have this code. */
export function isSendableCode(code: number): boolean {
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) || (code >= 3000 && code <= 4999);
}

/** An end in good order: done, going away (a page that is left, a server that stops), and a Close without a code. */
const orderlyCodes: ReadonlySet<number> = new Set([1000, 1001, 1005]);

/** No Close came; the connection has ended. */
const abnormalCode = 1006;

const words: Readonly<Record<number, string>> = {
  1002: 'it reports an error in the WebSocket protocol',
  1003: 'it does not accept this kind of message',
  1007: 'it reports a text that is not UTF-8',
  1008: 'it does not allow this connection (policy)',
  1009: 'a message was too long for it',
  1010: 'it misses an extension of WebSocket',
  1011: 'it cannot go on (internal error)',
  1012: 'it restarts',
  1013: 'it is overloaded, try again later',
  1014: 'a gateway got no proper answer',
  1015: 'the TLS handshake failed',
  3000: 'it demands a token, or the token is wrong',
  3003: 'it does not allow this connection',
  3008: 'it waited too long',
};

/** An end that was not in good order, with the code of the peer. */
export interface CloseFailure extends Error {
  /** `ECONNRESET` when there was no closing handshake. */
  readonly code: 'ERR_NBD_WEBSOCKET_CLOSED' | 'ECONNRESET';
  /** The close code (RFC 6455, section 7.4). */
  readonly closeCode: number;
}

/** Returns the error that a close code means; `undefined` for an end in good order. */
export function closeFailure(code: number, reason: string): CloseFailure | undefined {
  if (orderlyCodes.has(code)) return undefined;
  if (code === abnormalCode) {
    // The code of the system for the same event on a socket: callers treat both in the same way.
    return failure('the connection ended without a closing handshake', 'ECONNRESET', code);
  }
  const said = oneLine(reason);
  const why = words[code] ?? 'it gave a code of its own';
  return failure(
    `the peer closed the WebSocket: ${why} (code ${code}${said === '' ? '' : `, ${JSON.stringify(said)}`})`,
    'ERR_NBD_WEBSOCKET_CLOSED',
    code,
  );
}

function failure(message: string, code: CloseFailure['code'], number: number): CloseFailure {
  return Object.assign(new Error(message), { code, closeCode: number });
}
