export interface NodeCounters {
  /** Garbage collections, and how long they took. */
  readonly collections: number;
  readonly collectionMs: number;
  readonly heapBytesAllocated: number;
  /** Share of the time that the event loop was not waiting, from 0 to 1. */
  readonly busyShare: number;
}

export function beginCounting(): () => NodeCounters;
