/** What a server, or one of its sessions, has done so far. */
export interface Statistics {
  /** Requests that were answered, with success or with an error. */
  requests: number;
  /** Requests that were answered with an error. */
  failedRequests: number;
  /** Bytes that reads have asked for. */
  readBytes: number;
  /** Payload bytes of writes. */
  writtenBytes: number;
}

export function emptyStatistics(): Statistics {
  return { requests: 0, failedRequests: 0, readBytes: 0, writtenBytes: 0 };
}

/** Adds `other` to `sum`. */
export function addStatistics(sum: Statistics, other: Readonly<Statistics>): void {
  sum.requests += other.requests;
  sum.failedRequests += other.failedRequests;
  sum.readBytes += other.readBytes;
  sum.writtenBytes += other.writtenBytes;
}
