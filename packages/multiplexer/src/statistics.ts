/** What has travelled, over all connections. */

/** NBD's own bytes and messages; whatever carries them (TLS, TCP) is not counted. */
export interface Statistics {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Requests that were given to a connection, the farewell included: one message each. */
  readonly requestsSent: number;
  /** Requests that were answered, with success or with an error. */
  readonly repliesReceived: number;
  /** Simple replies and chunks of structured ones: one message each. */
  readonly chunksReceived: number;
  /** Connections that were used. */
  readonly connections: number;
}

/** The same while it is counted. */
export type WireStatistics = { -readonly [Name in keyof Statistics]: Statistics[Name] };

export function emptyStatistics(): WireStatistics {
  return { bytesSent: 0, bytesReceived: 0, requestsSent: 0, repliesReceived: 0, chunksReceived: 0, connections: 0 };
}
