/** What a file of changes consists of, in this order: one start, the changes from the lowest offset on, one end. */

/** Which disk the changes are of, and which backup. */
export interface ChangesStart {
  readonly type: 'start';
  /** Size of the disk, in bytes. */
  readonly size: bigint;
  /** Changes begin and end at multiples of this, or end with the disk. In bytes. */
  readonly blockSize: number;
  /** Stands for the content of the disk after these changes: 32 hexadecimal digits. */
  readonly id: string;
  /** The id of the backup before, which these changes belong on; `undefined` where that is not known. */
  readonly parent?: string | undefined;
  /** Whether it is all of the disk, so that it does not matter what was there before. */
  readonly isFull: boolean;
  /** When they were read, as a date of ISO 8601. */
  readonly created: string;
  /** Where they were read, such as the URI of an export. */
  readonly source?: string | undefined;
  /** The metadata context that has marked them. */
  readonly context?: string | undefined;
}

/** Bytes of the disk. */
export interface ChangedData {
  readonly type: 'data';
  /** In bytes. */
  readonly offset: bigint;
  /** At most 1 MiB. */
  readonly bytes: Uint8Array;
}

/** A part of the disk that reads as zeroes. */
export interface ChangedZeroes {
  readonly type: 'zeroes';
  /** In bytes. */
  readonly offset: bigint;
  /** In bytes. */
  readonly length: bigint;
}

/** All is there. */
export interface ChangesEnd {
  readonly type: 'end';
  /** How many data and zeroes there were. */
  readonly changes: bigint;
  /** How many bytes of data. */
  readonly dataBytes: bigint;
  /** How many bytes of zeroes. */
  readonly zeroBytes: bigint;
}

/** A part of a file of changes. */
export type ChangesEntry = ChangesStart | ChangedData | ChangedZeroes | ChangesEnd;
