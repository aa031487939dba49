/** Who writes to a disk, who did, and where it comes from. */

/** Who may write. */
export interface WriterRecord {
  /** Unlike that of all other writers, and of this one's other openings. */
  readonly nonce: string;
  /** For people. */
  readonly label: string;
  /** Says that it is the same as an earlier writer, which has ended. */
  readonly identity?: string | undefined;
  /** How long it may be silent, in milliseconds. */
  readonly leaseMs: number;
}

/** Since when all writers had one identity. It stays when the writer has closed the disk. */
export interface Lineage {
  readonly identity: string;
  /** The first epoch of them. */
  readonly since: number;
}

/** One of the last writers. */
export interface WriterMark {
  readonly epoch: number;
  /** The nonce of the writer. */
  readonly nonce: string;
}

/** Writers that a manifest remembers. */
export const trailMax = 16;

/** Where a clone comes from; for people. */
export interface Origin {
  /** The disk. */
  readonly disk: string;
  /** Its snapshot. */
  readonly snapshot: string;
}
