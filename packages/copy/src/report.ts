/** What a copy or a comparison reports. */
import type { CommandError } from '@nbdjs/interfaces';

/** A part of a device whose map could not be had, in bytes. */
export interface MapFailure {
  readonly side: 'source' | 'target';
  readonly offset: bigint;
  readonly length: bigint;
  readonly error: CommandError;
}

export interface CompareReport {
  /** The position of the first byte that differs, or that the target does not have; `undefined` if all are equal. */
  readonly differsAt: bigint | undefined;
  readonly totalBytes: bigint;
  /** Bytes that were read and compared. The others both sides reported as zeroes. */
  readonly comparedBytes: bigint;
}

export interface CopyProgress {
  /** Bytes of the source that are done: written, zeroed or skipped. */
  readonly doneBytes: bigint;
  /** `undefined` while the source is a stream, whose length is not known. */
  readonly totalBytes?: bigint | undefined;
}

/** What a copy did, in bytes and requests. */
export interface CopyReport {
  readonly totalBytes: bigint;
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
  /** Zeroed in the target without sending the zeroes. */
  readonly zeroedBytes: bigint;
  /** Not written, because the target was zero there already. */
  readonly skippedBytes: bigint;
}
