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
