/** What a copy or a comparison reports. */
import type { CommandError } from '@nbdjs/interfaces';

/** A part of a device whose map could not be read, in bytes. */
export interface MapFailure {
  /** Whose map it is. */
  readonly side: 'source' | 'target';
  /** First byte of the part. */
  readonly offset: bigint;
  /** Length of the part, in bytes. */
  readonly length: bigint;
  /** What the device answered. The part is then taken for data. */
  readonly error: CommandError;
}

/** What a comparison found. */
export interface CompareReport {
  /** The position of the first byte that differs, or that the target does not have; `undefined` if all are equal. */
  readonly differsAt: bigint | undefined;
  /** How many bytes the differing parts have together; `undefined` where only the first difference was looked for. */
  readonly differingBytes: bigint | undefined;
  /** How many bytes were to be compared: those that both have, or with `zeroTail` those of the longer one. */
  readonly totalBytes: bigint;
  /** Bytes that were read and compared. The others both sides reported as zeroes. */
  readonly comparedBytes: bigint;
}

/** How far a copy has come. */
export interface CopyProgress {
  /** Bytes of the source that are done: written, zeroed or skipped. */
  readonly doneBytes: bigint;
  /** `undefined` while the source is a stream, whose length is not known. */
  readonly totalBytes?: bigint | undefined;
}

/** What a copy did, in bytes and requests. */
export interface CopyReport {
  /** Size of the source, or how much of it was marked as changed. */
  readonly totalBytes: bigint;
  /** Read from the source. */
  readonly readBytes: bigint;
  /** Sent to the target as data. */
  readonly writtenBytes: bigint;
  /** Zeroed in the target without sending the zeroes. */
  readonly zeroedBytes: bigint;
  /** Not written, because the target was zero there already. */
  readonly skippedBytes: bigint;
}
