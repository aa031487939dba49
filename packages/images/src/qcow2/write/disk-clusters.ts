/** The clusters of a disk that an image has to have: those that are not zero, or not as what lies below. */
import { isZero } from '@nbdjs/kit';
import { dataBlocks } from '../../device/data-blocks.ts';
import type { ImageFile } from '../../device/image-file.ts';

/** A cluster of a disk. */
export interface DiskCluster {
  readonly index: number;
  /** Filled up with zeroes behind the end of the disk. `undefined`: zeroes, where what lies below has others. */
  readonly bytes: Uint8Array | undefined;
}

/** What is compared. */
export interface DiskClustersParts {
  readonly source: ImageFile;
  readonly below: ImageFile | undefined;
  /** Zeroes have to be said, because something else would show. */
  readonly hasBacking: boolean;
  readonly clusterBytes: number;
  readonly signal: AbortSignal | undefined;
}

/** Clusters are read in pieces of so many bytes, or one by one where they are longer. */
const pieceBytes = 2 ** 20;

/** Reads the clusters of one piece. */
type Batch = () => Promise<readonly DiskCluster[]>;

/** The pieces in order; what they give is read when they are called. */
export async function* changedClusters(parts: DiskClustersParts): AsyncGenerator<Batch, void> {
  const { clusterBytes } = parts;
  const most = Math.max(1, Math.floor(pieceBytes / clusterBytes));
  let first = 0;
  let count = 0;
  for await (const index of clustersToRead(parts)) {
    if (count > 0 && (index !== first + count || count === most)) {
      yield batchOf(parts, first, count);
      count = 0;
    }
    if (count === 0) first = index;
    count++;
  }
  if (count > 0) yield batchOf(parts, first, count);
}

function clustersToRead({ source, hasBacking, clusterBytes, signal }: DiskClustersParts): AsyncIterable<number> {
  return hasBacking ? every(Math.ceil(source.size / clusterBytes)) : dataBlocks(source.device, clusterBytes, signal);
}

async function* every(count: number): AsyncGenerator<number> {
  for (let index = 0; index < count; index++) yield index;
}

function batchOf(parts: DiskClustersParts, first: number, count: number): Batch {
  const { source, below, hasBacking, clusterBytes, signal } = parts;
  return async () => {
    const start = first * clusterBytes;
    const [bytes, old] = await Promise.all([
      readPadded(source, start, count * clusterBytes, signal),
      below && readPadded(below, start, count * clusterBytes, signal),
    ]);
    const clusters: DiskCluster[] = [];
    for (let at = 0; at < count; at++) {
      const cluster = bytes.subarray(at * clusterBytes, (at + 1) * clusterBytes);
      const oldCluster = old?.subarray(at * clusterBytes, (at + 1) * clusterBytes);
      if (oldCluster !== undefined && isEqual(cluster, oldCluster)) continue;
      if (!isZero(cluster)) clusters.push({ index: first + at, bytes: cluster });
      else if (hasBacking) clusters.push({ index: first + at, bytes: undefined });
    }
    return clusters;
  };
}

/** Zeroes behind the end. */
async function readPadded(
  disk: ImageFile,
  start: number,
  length: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  const inside = Math.min(length, disk.size - start);
  if (inside > 0) await disk.read(start, bytes.subarray(0, inside), signal);
  return bytes;
}

/** Of equal length, and at a multiple of 4 bytes each. */
function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  const words = one.length >> 2;
  const [a, b] = [
    new Int32Array(one.buffer, one.byteOffset, words),
    new Int32Array(other.buffer, other.byteOffset, words),
  ];
  for (let at = 0; at < words; at++) if (a[at] !== b[at]) return false;
  return true;
}
