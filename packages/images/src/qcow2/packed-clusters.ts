/** Compressed clusters: read, inflated, and some of them kept ("Compressed clusters"). */
import { CommandError } from '@nbdjs/interfaces';
import type { Inflate } from '../codecs/codecs.ts';
import type { ImageFile } from '../device/image-file.ts';
import { UnpackedCache } from '../device/unpacked-cache.ts';
import type { ClusterRun } from './cluster-map.ts';
import { damage } from './damage.ts';

/** What compressed clusters are like. */
export interface PackedClustersParts {
  /** The file that has them. */
  readonly file: ImageFile;
  /** The size of a cluster, in bytes. */
  readonly clusterBytes: number;
  /** The name of the algorithm. */
  readonly compression: string;
  /** `undefined`: reading a compressed cluster fails. */
  readonly inflate: Inflate | undefined;
  /** How much is kept inflated, in bytes. */
  readonly bytesMax: number;
}

/** A compressed cluster that is read as a whole, and where its bytes go. */
export interface WholeCluster {
  readonly run: ClusterRun;
  readonly target: Uint8Array;
}

export class PackedClusters {
  readonly #parts: PackedClustersParts;
  readonly #kept: UnpackedCache;

  constructor(parts: PackedClustersParts) {
    this.#parts = parts;
    this.#kept = new UnpackedCache(parts.bytesMax, parts.clusterBytes);
  }

  /** A part of a cluster, by way of the clusters that are kept. */
  async read(run: ClusterRun, within: number, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const cluster = await this.#kept.get(run.host, async () => {
      const bytes = new Uint8Array(this.#parts.clusterBytes);
      await this.#inflate(run.host, await this.#packed(run.host, run.packedBytes), bytes);
      return bytes;
    });
    signal?.throwIfAborted();
    target.set(cluster.subarray(within, within + target.length));
  }

  /** Whole clusters that are stored one behind the other: they are read in one piece, and inflated into their targets. */
  async readWhole(clusters: readonly WholeCluster[], signal: AbortSignal | undefined): Promise<void> {
    const [first, last] = [clusters[0]?.run, clusters.at(-1)?.run];
    if (first === undefined || last === undefined) return;
    const bytes = await this.#packed(first.host, last.host + last.packedBytes - first.host, signal);
    const work = clusters.map(({ run, target }) => {
      const start = run.host - first.host;
      return this.#inflate(run.host, bytes.subarray(start, start + run.packedBytes), target);
    });
    const failed = (await Promise.allSettled(work)).find((one) => one.status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }

  async #packed(host: number, length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const { file } = this.#parts;
    if (host >= file.size) {
      throw damage(`the compressed cluster at byte ${host}`, `it is past the end of the file at ${file.size}`);
    }
    // The length is known by sectors only; the file may end within the last one.
    const bytes = new Uint8Array(Math.min(length, file.size - host));
    await file.read(host, bytes, signal);
    return bytes;
  }

  async #inflate(host: number, source: Uint8Array, target: Uint8Array): Promise<void> {
    const { inflate, compression } = this.#parts;
    if (inflate === undefined) {
      throw new CommandError('ENOTSUP', `a cluster is compressed with ${compression}, and no codec for it was given`);
    }
    try {
      await inflate(source, target);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw damage(`the compressed cluster at byte ${host}`, message, error);
    }
  }
}
