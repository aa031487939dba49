/** How a channel has come to its end, in words for people: what the system calls it helps nobody who did not write it. */

/** What the system calls it when the other side is gone: which of them, depends on who noticed when. */
const hangUps: ReadonlySet<unknown> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

const reasons: Readonly<Record<string, string>> = {
  ETIMEDOUT: 'its host does not answer any more',
  EHOSTUNREACH: 'its host cannot be reached any more',
  EHOSTDOWN: 'its host is down',
  ENETUNREACH: 'the network cannot be reached any more',
  ENETDOWN: 'the network is down',
  ENETRESET: 'the network was reset',
};

/** Whether the other side has ended the channel, in an orderly way (without a cause) or not. */
export function isHangUp(cause: Error | undefined): boolean {
  return cause === undefined || hangUps.has(codeOf(cause));
}

/** Completes `the connection was lost: ...`; `peer` is the other side. An error that is not the system's speaks for itself. */
export function endInWords(cause: Error | undefined, peer: 'server' | 'client' = 'server'): string {
  if (cause === undefined || isHangUp(cause)) return `the ${peer} closed the connection`;
  return reasons[String(codeOf(cause))] ?? cause.message;
}

function codeOf(error: Error): unknown {
  return 'code' in error ? error.code : undefined;
}
