/** What a load has measured. */
import type { RequestKind } from '../generation/request-kind.ts';
import type { ContentMismatch } from '../verification/mismatch.ts';
import type { LatencySummary } from './latency-summary.ts';

/** Requests of one kind, or of all, that were answered without an error. */
export interface LoadFigures {
  /** How many there were. */
  readonly requests: number;
  /** Their lengths together. */
  readonly bytes: number;
  /** On average. */
  readonly requestsPerSecond: number;
  /** On average. */
  readonly bytesPerSecond: number;
  /** `undefined` when none was answered. */
  readonly latency: LatencySummary | undefined;
}

/** Requests that failed in the same way. */
export interface LoadErrors {
  /** What they were to do. */
  readonly kind: RequestKind;
  /** Such as `EIO`. */
  readonly code: string;
  /** The message of the first one. */
  readonly message: string;
  /** How many there were. */
  readonly count: number;
}

/**
 * Why a load has ended: its time, number of requests or bytes were over, it was stopped, the device cannot be used any more, or what was
 * read is not what was written.
 */
export type LoadEnd = 'time' | 'requests' | 'bytes' | 'stopped' | 'error' | 'mismatch';

/** What a load has measured so far. */
export interface LoadProgress {
  /** Since the measuring began; below 0 while warming up. */
  readonly seconds: number;
  /** Answered so far. */
  readonly requests: number;
  /** Their lengths together. */
  readonly bytes: number;
  /** How many have failed. */
  readonly failed: number;
  /** Since the last report. */
  readonly requestsPerSecond: number;
  /** Since the last report. */
  readonly bytesPerSecond: number;
  /** Of all requests so far, in microseconds; `undefined` before the first. */
  readonly p50Us: number | undefined;
  /** The same of percentile 99. */
  readonly p99Us: number | undefined;
  /** What is done: requests are made and not measured, measured, or contents are read once more. */
  readonly phase: 'warming-up' | 'measuring' | 'verifying';
}

/** What a load has measured. */
export interface LoadReport {
  /** Why it has ended. */
  readonly end: LoadEnd;
  /** Why the device cannot be used any more. */
  readonly error: Error | undefined;
  /** From the begin of the measuring to the last answer. */
  readonly seconds: number;
  /** Reads, writes, trims and zeroes together. */
  readonly total: LoadFigures;
  /** The kinds of which there were any. */
  readonly kinds: Readonly<Partial<Record<RequestKind, LoadFigures>>>;
  /** What has failed. */
  readonly errors: readonly LoadErrors[];
  /** Requests that were not answered within the time that is given to them at the end. */
  readonly unfinished: number;
  /** With a rate: requests that should have begun before the end, and for which there was no room. Their latencies are not among the others. */
  readonly notBegun: number;
  /** With a rate: how late requests began because earlier ones were in flight, or the load itself was late. */
  readonly delays: LatencySummary | undefined;
  /** Bytes whose contents were checked. */
  readonly verifiedBytes: number;
  /** The first difference. */
  readonly mismatch: ContentMismatch | undefined;
}
