/** What changes of the disk are made of. */
import type { RangeLock } from '@nbdjs/kit';
import type { WritableFile } from '../../device/writable-file.ts';
import type { ClusterEntry } from '../cluster-entry.ts';
import type { ClusterReader } from '../cluster-reader.ts';
import { damage } from '../damage.ts';
import type { Allocator } from './allocator.ts';
import type { Refcounts } from './refcounts.ts';
import type { ReferenceTables } from './reference-tables.ts';
import type { TableStore } from './table-store.ts';

export interface DiskParts {
  readonly tables: ReferenceTables;
  readonly allocator: Allocator;
  readonly refcounts: Refcounts;
  readonly store: TableStore;
  /** Reads the disk as it is before a change. */
  readonly reader: ClusterReader;
  /** The file with the clusters: the image itself, or another one, where each cluster has the place that it has on the disk. */
  readonly data: WritableFile;
  readonly hasDataFile: boolean;
  /** The data file is the disk, byte for byte, for programs that know nothing of the image. */
  readonly isRawDataFile: boolean;
  /** How long what lies below is, in bytes; 0: there is nothing. */
  readonly backingBytes: number;
  /** How long the disk is at present, in bytes. */
  readonly diskBytes: () => number;
  /** Clusters of the disk that are being changed, in bytes of the disk. */
  readonly locks: RangeLock;
  /** Clusters of the file that hold the image's own structure: an entry that leads there is damaged. */
  readonly isReserved: (cluster: number) => boolean;
}

/** A cluster of the disk, and the part of it that is changed, in bytes from its start. */
export interface ClusterPart {
  readonly cluster: number;
  readonly from: number;
  readonly to: number;
}

/** The clusters that a range of the disk touches. */
export function* clusterParts(start: number, end: number, clusterBytes: number): Generator<ClusterPart> {
  for (let at = start; at < end; ) {
    const cluster = Math.floor(at / clusterBytes);
    const next = Math.min(end, (cluster + 1) * clusterBytes);
    yield { cluster, from: at - cluster * clusterBytes, to: next - cluster * clusterBytes };
    at = next;
  }
}

/** Waits for the clusters that a range touches. Returns what gives them free again. */
export function lockClusters(
  { locks, tables }: DiskParts,
  start: number,
  end: number,
  isExclusive: boolean,
  signal?: AbortSignal,
): Promise<() => void> {
  const bytes = tables.clusterBytes;
  const [first, last] = [Math.floor(start / bytes), Math.ceil(end / bytes)];
  return locks.acquire(BigInt(first * bytes), BigInt(last * bytes), isExclusive, signal);
}

/** What an entry refers to is not used by it any more. */
export function releaseCluster({ tables, allocator, hasDataFile }: DiskParts, entry: ClusterEntry): void {
  if (hasDataFile || entry.host < 0) return;
  const bytes = tables.clusterBytes;
  const first = Math.floor(entry.host / bytes);
  const end = entry.packedBytes > 0 ? Math.ceil((entry.host + entry.packedBytes) / bytes) : first + 1;
  allocator.release({ first, count: end - first });
}

/** @throws CommandError `EIO` when a cluster of the disk is said to be where the image has its own structure. */
export function requireOutside(parts: DiskParts, { host, packedBytes }: ClusterEntry): void {
  if (host < 0 || parts.hasDataFile || packedBytes > 0) return;
  if (host >= parts.data.size) throw damage(`the cluster at byte ${host}`, `the file ends at ${parts.data.size}`);
  const cluster = host / parts.tables.clusterBytes;
  if (!parts.refcounts.isOwn(cluster) && !parts.isReserved(cluster)) return;
  throw damage(`the cluster at byte ${host}`, 'a part of the disk is where the image has its own structure');
}
