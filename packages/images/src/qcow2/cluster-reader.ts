/** Reads that need more than one step: several pieces, compressed clusters, what lies below, tables that have to be read first. */
import type { ReadOptions } from '@nbdjs/interfaces';
import { settleAll } from '@nbdjs/kit';
import type { ImageFile } from '../device/image-file.ts';
import { ClusterKind, type ClusterMap, type ClusterRun } from './cluster-map.ts';
import { damage } from './damage.ts';
import type { PackedClusters, WholeCluster } from './packed-clusters.ts';

/** What reads are made of. */
export interface ClusterReaderParts {
  readonly map: ClusterMap;
  /** The file that has the clusters. */
  readonly data: ImageFile;
  readonly packed: PackedClusters;
  /** What lies below; shorter than the disk, perhaps. */
  readonly backing: ImageFile | undefined;
}

/** Pieces of one read that are under way at the same time. */
const piecesMax = 64;
/** Compressed clusters that are stored one behind the other are read in pieces of about this many bytes. */
const packedBytesMax = 2 ** 20;

type Chunk = { type: 'data' | 'hole'; position: number; length: number };

export class ClusterReader {
  readonly #parts: ClusterReaderParts;

  constructor(parts: ClusterReaderParts) {
    this.#parts = parts;
  }

  /** Waits for all pieces, also when one fails: the memory is the caller's again afterwards. */
  async read(start: number, target: Uint8Array, { signal, onChunk }: ReadOptions): Promise<void> {
    const work: (void | Promise<void>)[] = [];
    const chunks = new ChunkList();
    try {
      for (let position = 0; position < target.length; ) {
        const run = await this.#runAt(start + position, target.length - position);
        signal?.throwIfAborted();
        const piece = target.subarray(position, position + run.length);
        const filling = this.#fill(piece, start + position, run, signal);
        // A failure is reported when all pieces have settled.
        if (filling !== undefined) filling.catch(() => {});
        work.push(filling);
        const holeFrom = this.#holeFrom(run, start + position);
        chunks.add('data', holeFrom);
        chunks.add('hole', run.length - holeFrom);
        position += run.length;
        if (work.length >= piecesMax) await settleAll(work.splice(0));
      }
    } catch (error) {
      work.push(Promise.reject(error));
    }
    await settleAll(work);
    if (onChunk !== undefined) for (const chunk of chunks.list) onChunk(chunk);
  }

  /** The next run; neighbours in the file are joined, and so are compressed clusters that are wanted as a whole. */
  async #runAt(offset: number, length: number): Promise<ClusterRun & { readonly clusters?: ClusterRun[] }> {
    const { map } = this.#parts;
    const first = await map.locate(offset, length);
    if (first.kind === ClusterKind.Packed) return this.#packedFrom(first, offset, length);
    let bytes = first.length;
    while (bytes < length) {
      const next = map.locate(offset + bytes, length - bytes);
      // What is known is under way while a table is read.
      if (next instanceof Promise) {
        next.catch(() => {});
        break;
      }
      const host = first.kind === ClusterKind.Data ? first.host + bytes : 0;
      if (next.kind !== first.kind || next.host !== host) break;
      bytes += next.length;
    }
    return { ...first, length: bytes };
  }

  #packedFrom(first: ClusterRun, offset: number, length: number): ClusterRun & { readonly clusters?: ClusterRun[] } {
    const { map } = this.#parts;
    if (first.length !== map.clusterBytes) return first;
    const clusters = [first];
    let last = first;
    let bytes = first.length;
    while (length - bytes >= map.clusterBytes) {
      const next = map.locate(offset + bytes, length - bytes);
      if (next instanceof Promise) {
        next.catch(() => {});
        break;
      }
      const isNext = next.kind === ClusterKind.Packed && next.host > last.host;
      if (!isNext || next.host > last.host + last.packedBytes || next.host - first.host > packedBytesMax) break;
      clusters.push(next);
      last = next;
      bytes += next.length;
    }
    return { ...first, length: bytes, clusters };
  }

  #fill(
    target: Uint8Array,
    offset: number,
    run: ClusterRun & { readonly clusters?: ClusterRun[] },
    signal: AbortSignal | undefined,
  ): void | Promise<void> {
    const { map, packed } = this.#parts;
    switch (run.kind) {
      case ClusterKind.Data:
        return this.#stored(target, run.host, signal);
      case ClusterKind.Packed:
        if (run.clusters === undefined) return packed.read(run, offset % map.clusterBytes, target, signal);
        return packed.readWhole(wholeClusters(run.clusters, target), signal);
      case ClusterKind.Absent:
        return this.#below(target, offset, signal);
      default:
        target.fill(0);
        return undefined;
    }
  }

  #stored(target: Uint8Array, host: number, signal: AbortSignal | undefined): void | Promise<void> {
    const { data, map } = this.#parts;
    const end = host + target.length;
    if (end <= data.size) return data.read(host, target, signal);
    // The file may end within the last cluster, if what follows was never written.
    const lastCluster = Math.floor((end - 1) / map.clusterBytes) * map.clusterBytes;
    if (lastCluster >= data.size) {
      throw damage(`the cluster at byte ${lastCluster}`, `it is past the end of the file at ${data.size}`);
    }
    const bytes = Math.max(0, data.size - host);
    target.fill(0, bytes);
    return bytes === 0 ? undefined : data.read(host, target.subarray(0, bytes), signal);
  }

  /** A device below that is shorter reads as zeroes behind its end. */
  #below(target: Uint8Array, offset: number, signal: AbortSignal | undefined): void | Promise<void> {
    const { backing } = this.#parts;
    const bytes = Math.min(target.length, Math.max(0, (backing?.size ?? 0) - offset));
    target.fill(0, bytes);
    return bytes === 0 ? undefined : backing?.read(offset, target.subarray(0, bytes), signal);
  }

  /** From which byte of a run on its bytes are zeroes that are stored nowhere. */
  #holeFrom(run: ClusterRun, offset: number): number {
    if (run.kind === ClusterKind.Zero) return 0;
    if (run.kind !== ClusterKind.Absent) return run.length;
    return Math.min(run.length, Math.max(0, (this.#parts.backing?.size ?? 0) - offset));
  }
}

function wholeClusters(clusters: readonly ClusterRun[], target: Uint8Array): readonly WholeCluster[] {
  let at = 0;
  return clusters.map((run) => {
    const part = target.subarray(at, at + run.length);
    at += run.length;
    return { run, target: part };
  });
}

/** The pieces of a read; neighbours of one type become one. */
class ChunkList {
  readonly list: Chunk[] = [];
  #position = 0;

  add(type: Chunk['type'], length: number): void {
    if (length === 0) return;
    const last = this.list.at(-1);
    if (last?.type === type) last.length += length;
    else this.list.push({ type, position: this.#position, length });
    this.#position += length;
  }
}
