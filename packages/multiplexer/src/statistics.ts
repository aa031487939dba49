/** Counts of what was sent and received, over all connections. */

/** NBD's own bytes and messages; those of the layers below (TLS, TCP) are not counted. */
export interface Statistics {
  /** Headers and payloads of requests, in bytes. */
  readonly bytesSent: number;
  /** Headers and payloads of replies, in bytes. */
  readonly bytesReceived: number;
  /** Requests that were given to a connection, the farewell included: one message each. */
  readonly requestsSent: number;
  /** Requests that were answered, with success or with an error. */
  readonly repliesReceived: number;
  /** Simple replies and chunks of structured ones: one message each. */
  readonly chunksReceived: number;
  /** Connections that were used. */
  readonly connections: number;
  /** Requests that were sent once more, because their connection was lost. */
  readonly requestsResent: number;
  /** Requests that brought about again what a lost server may have forgotten. */
  readonly requestsReplayed: number;
}

/** The same while it is counted. */
export type MutableStatistics = { -readonly [Name in keyof Statistics]: Statistics[Name] };

/**
 * Counts of bytes soon pass 2^31. That they are fractions at first makes V8 keep them as floats from the start, instead of
 * compiling everything that touches them once more at that point.
 */
export function emptyStatistics(): MutableStatistics {
  const statistics: MutableStatistics = {
    bytesSent: 0.5,
    bytesReceived: 0.5,
    requestsSent: 0,
    repliesReceived: 0,
    chunksReceived: 0,
    connections: 0,
    requestsResent: 0,
    requestsReplayed: 0,
  };
  statistics.bytesSent = 0;
  statistics.bytesReceived = 0;
  return statistics;
}
