/** What has come out of a replay. */
import type { Request } from '../decoding/requests-in-flight.ts';
import type { AnswerDifference } from './compare-answers.ts';

/** An answer that differs from the recorded one. */
export interface ReplayDifference extends AnswerDifference {
  /** When the request began in the recording, in microseconds. */
  readonly time: number;
  /** The number of its connection in the recording. */
  readonly connection: number;
  /** The request as it was recorded. */
  readonly request: Request;
  /** The name of its command. */
  readonly command: string;
}

/** Requests that were not sent, by the reason. */
export interface SkippedRequests {
  /** They change the export, and that was not asked for. */
  writes: number;
  /** The data to be written is not in the recording. */
  payload: number;
  /** They are too long, or too many at a time. */
  length: number;
  /** Their command, or a detail of it, cannot be replayed. */
  others: number;
  /** Their connection was lost before. */
  lost: number;
}

/** What has come out of a replay. */
export interface ReplayReport {
  /** Requests that were sent. */
  readonly requests: number;
  /** Answers that were compared. */
  readonly compared: number;
  /** Answers that differ. */
  readonly differences: number;
  /** Requests that were sent and have no complete answer in the recording. */
  readonly unanswered: number;
  /** Requests that were not sent. */
  readonly skipped: Readonly<SkippedRequests>;
}
