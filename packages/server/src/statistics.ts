/** What a server, or one of its sessions, has done so far. */
export interface Statistics {
  requests: number;
  failedRequests: number;
  readBytes: number;
  writtenBytes: number;
}

export function emptyStatistics(): Statistics {
  return { requests: 0, failedRequests: 0, readBytes: 0, writtenBytes: 0 };
}

/** Counts what others have counted. */
export function addStatistics(sum: Statistics, other: Readonly<Statistics>): void {
  sum.requests += other.requests;
  sum.failedRequests += other.failedRequests;
  sum.readBytes += other.readBytes;
  sum.writtenBytes += other.writtenBytes;
}
