/** What a disk of an object store is for its users. */
import type { BlockDevice } from '@nbdjs/interfaces';

/** Memory that a disk uses now. */
export interface ObjectDiskFigures {
  /** Bytes that were written and are not stored yet. */
  readonly dirtyBytes: number;
  /** Bytes that were read and are kept. */
  readonly cachedBytes: number;
}

/** A block device over an object store. */
export interface ObjectDisk extends BlockDevice {
  /** The disk's name in its store. */
  readonly name: string;
  /** Of the writer; 0 for readers. */
  readonly epoch: number;
  /** Figures of now. */
  readonly figures: ObjectDiskFigures;
  /**
   * Flushes, and makes a snapshot of what was written until then.
   *
   * @throws UsageError `ERR_NBD_EXISTS` for a name that is taken, `ERR_NBD_READ_ONLY` for a disk that was opened for reading.
   */
  snapshot(name: string): Promise<void>;
}
