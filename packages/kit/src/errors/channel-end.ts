/** The end of a channel in words for people, instead of the system's error codes. */

/** The system's codes for a connection that the peer has closed. Which one appears depends on which call noticed it first. */
const hangUps: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

const reasons: Readonly<Record<string, string>> = {
  ETIMEDOUT: 'its host does not answer any more',
  EHOSTUNREACH: 'its host cannot be reached any more',
  EHOSTDOWN: 'its host is down',
  ENETUNREACH: 'the network cannot be reached any more',
  ENETDOWN: 'the network is down',
  ENETRESET: 'the network was reset',
};

/** Returns whether the peer has ended the channel: in an orderly way (no cause), or with one of the codes above. */
export function isHangUp(cause: Error | undefined): boolean {
  return cause === undefined || hangUps.has(codeOf(cause));
}

/** Completes `the connection was lost: ...`. Errors that are not the system's keep their own message. */
export function endInWords(cause: Error | undefined, peer: 'server' | 'client' = 'server'): string {
  if (cause === undefined || isHangUp(cause)) return `the ${peer} closed the connection`;
  return reasons[String(codeOf(cause))] ?? cause.message;
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}
