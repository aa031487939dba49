/** How a write changes a cluster: where its bytes go, what has to be filled up around them, and what its entry says then. */

import { allUnits, type ClusterEntry, type EntryFormat } from '../cluster-entry.ts';
import type { ClusterPart } from './disk-parts.ts';

/** What has to be done for one cluster. */
export interface WritePlan extends ClusterPart {
  /** What the entry says now. */
  readonly entry: ClusterEntry;
  /** A place for it has to be found first. */
  readonly needsHost: boolean;
  /** From where on bytes are written, in bytes from the start of the cluster: those of the caller, and what is copied around them. */
  readonly fillFrom: number;
  /** Up to where. */
  readonly fillTo: number;
  /** All that is copied is zero, and need not be written where the place is known to be zero. */
  readonly fillIsZero: boolean;
  /** What the entry says afterwards, but for the place. `undefined`: the same. */
  readonly next: Pick<ClusterEntry, 'stored' | 'zero'> | undefined;
}

/** `below`: whether there is anything below the cluster that is not known to be zero. */
export function planWrite(part: ClusterPart, entry: ClusterEntry, format: EntryFormat, below: boolean): WritePlan {
  const unitCount = format.isExtended ? 32 : 1;
  const clusterBytes = 2 ** format.clusterBits;
  const unitBytes = clusterBytes / unitCount;
  const [first, last] = [Math.floor(part.from / unitBytes), Math.ceil(part.to / unitBytes) - 1];
  const touched = unitMask(first, last);
  const common = { ...part, entry };
  const { stored, zero } = entry;
  if (entry.host >= 0 && entry.isOwn && entry.packedBytes === 0) {
    if ((stored & touched) >>> 0 === touched) {
      return { ...common, needsHost: false, fillFrom: part.from, fillTo: part.to, fillIsZero: false, next: undefined };
    }
    // Units at both ends that are not stored yet are filled up; so are those between them, which the write covers.
    const isStored = (unit: number): boolean => ((stored >>> unit) & 1) === 1;
    return {
      ...common,
      needsHost: false,
      fillFrom: isStored(first) ? part.from : first * unitBytes,
      fillTo: isStored(last) ? part.to : (last + 1) * unitBytes,
      // The place may have old bytes of its own.
      fillIsZero: false,
      next: { stored: (stored | touched) >>> 0, zero: (zero & ~touched) >>> 0 },
    };
  }
  // All units that are stored move to the new place, too.
  const kept = (stored | touched) >>> 0;
  const [lowest, highest] = [31 - Math.clz32((kept & -kept) >>> 0), 31 - Math.clz32(kept)];
  return {
    ...common,
    needsHost: true,
    fillFrom: lowest * unitBytes,
    fillTo: (highest + 1) * unitBytes,
    fillIsZero: stored === 0 && (!below || zero === allUnits(format)),
    next: { stored: kept, zero: (zero & ~touched) >>> 0 },
  };
}

/** The bits of the units `first` to `last`. */
export function unitMask(first: number, last: number): number {
  const count = last - first + 1;
  return ((count === 32 ? 0xffff_ffff : 2 ** count - 1) << first) >>> 0;
}
