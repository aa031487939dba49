/** What a check has found. */

/** How much is repaired. */
export type RepairLevel = 'leaks' | 'all';

/** One thing that is wrong. */
export interface Qcow2Finding {
  /** `corruption`: the disk may read wrongly, now or after a write. `leak`: storage that nothing uses. */
  readonly kind: 'corruption' | 'leak';
  /** What it is, and where, in one line. */
  readonly message: string;
  /** It was repaired. */
  readonly isRepaired: boolean;
}

/** The result of a check, counted as `qemu-img check` counts. */
export interface Qcow2Check {
  /** Corruptions that are there (still, after a repair). */
  readonly corruptions: number;
  /** Clusters that are allocated and used by nothing (still, after a repair). */
  readonly leaks: number;
  /** Corruptions that were repaired. */
  readonly corruptionsRepaired: number;
  /** Leaks that were repaired. */
  readonly leaksRepaired: number;
  /** The first findings; there may be more of them than these. */
  readonly findings: readonly Qcow2Finding[];
  /** Where the image ends in its file, in bytes: behind the last cluster that is in use. */
  readonly imageEndBytes: number;
  /** Clusters of the disk. */
  readonly totalClusters: number;
  /** Clusters of the disk that are stored. */
  readonly allocatedClusters: number;
  /** Those of them that do not follow the one before them in the file. */
  readonly fragmentedClusters: number;
  /** Those of them that are compressed. */
  readonly compressedClusters: number;
}

/** Findings whose text is kept. */
const findingsMax = 100;

/** Counts what is found. */
export class Findings {
  readonly list: Qcow2Finding[] = [];
  readonly counts = { corruption: 0, leak: 0 };

  add(kind: Qcow2Finding['kind'], message: string): void {
    this.counts[kind]++;
    if (this.list.length < findingsMax) this.list.push({ kind, message, isRepaired: false });
  }
}
