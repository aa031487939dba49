/** How long a server is waited for, in total. */
import { longestDelaysMs } from '@nbdjs/connection';
import { limits } from '@nbdjs/interfaces';

export interface Patience {
  /** Attempts to connect at first. */
  readonly openAttemptsMax: number;
  /** An upper bound of the time that the attempts take, in milliseconds; 0 where there is only one. */
  readonly openTimeoutMs: number;
  /** How long a server is waited for whose connection is lost, in milliseconds. */
  readonly reconnectDelayMs: number;
}

/** What this many retries mean, with growing delays between them. */
export function patienceFor(retries: number): Patience {
  const openAttemptsMax = retries + 1;
  const reconnectDelayMs = longestDelaysMs(retries);
  const attemptMs = limits.connectMs + limits.handshakeMs;
  const openTimeoutMs = retries === 0 ? 0 : reconnectDelayMs + openAttemptsMax * attemptMs;
  return { openAttemptsMax, openTimeoutMs, reconnectDelayMs };
}
