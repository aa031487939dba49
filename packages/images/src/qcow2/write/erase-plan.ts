/** How a cluster becomes zero: what its entry says then, and what happens to its place. */
import { absentEntry, allUnits, type ClusterEntry, type EntryFormat } from '../cluster-entry.ts';

/**
 * How a range is erased. `unmap`: storage is given back. `keep`: storage is kept, or made. `trim`: storage is given back where that is possible.
 * `forget`: what lies below shows again; only whole clusters.
 */
export type EraseMode = 'unmap' | 'keep' | 'trim' | 'forget';

/** What has to be done for one cluster. */
export type ErasePlan =
  /** It is zero already, or cannot be trimmed. */
  | { readonly kind: 'nothing' }
  /** The entry changes; the old place is not used any more if `gives`. */
  | { readonly kind: 'entry'; readonly next: ClusterEntry; readonly gives: boolean }
  /** A place is kept for it that it does not have yet. */
  | { readonly kind: 'reserve'; readonly next: Pick<ClusterEntry, 'stored' | 'zero'> }
  /** Zeroes have to be written. */
  | { readonly kind: 'write' };

/** What of a cluster is erased. */
export interface ErasedPart {
  readonly entry: ClusterEntry;
  /** A bit for each unit that is erased. */
  readonly units: number;
  /** There is something below the cluster. */
  readonly below: boolean;
}

const nothing: ErasePlan = { kind: 'nothing' };

export function planErase({ entry, units, below }: ErasedPart, mode: EraseMode, format: EntryFormat): ErasePlan {
  const all = allUnits(format);
  const { host, isOwn, packedBytes, stored, zero } = entry;
  if (mode === 'forget') {
    return host < 0 && stored === 0 && zero === 0 ? nothing : { kind: 'entry', next: absentEntry, gives: true };
  }
  const isWhole = units === all;
  const isPacked = packedBytes > 0;
  const isPlaced = host >= 0 && isOwn && !isPacked;
  if (isErased({ entry, units, below }) && (mode === 'keep' ? isPlaced || !isWhole : host < 0 || !isWhole))
    return nothing;
  if (!format.hasZeroFlag) return planOld(entry, mode, below);
  if (!isWhole) {
    if (isPacked) return mode === 'trim' ? nothing : { kind: 'write' };
    return {
      kind: 'entry',
      next: { ...entry, stored: (stored & ~units) >>> 0, zero: (zero | units) >>> 0 },
      gives: false,
    };
  }
  if (mode !== 'keep') {
    return { kind: 'entry', next: { host: -1, isOwn: false, packedBytes: 0, stored: 0, zero: all }, gives: true };
  }
  if (isPlaced) return { kind: 'entry', next: { ...entry, stored: 0, zero: all }, gives: false };
  return { kind: 'reserve', next: { stored: 0, zero: all } };
}

/** Whether all units read as zeroes already. */
export function isErased({ entry: { stored, zero }, units, below }: ErasedPart): boolean {
  return (zero & units) >>> 0 === units || ((stored & units) === 0 && !below);
}

/** Version 2 has no clusters of zeroes: without anything below, a cluster that is not stored reads as zeroes. */
function planOld(entry: ClusterEntry, mode: EraseMode, below: boolean): ErasePlan {
  if (mode === 'keep') return { kind: 'write' };
  if (below) return mode === 'trim' ? nothing : { kind: 'write' };
  if (entry.host < 0) return nothing;
  return { kind: 'entry', next: { host: -1, isOwn: false, packedBytes: 0, stored: 0, zero: 0 }, gives: true };
}
