/** A qcow2 image as a device: reads, and what its parts consist of. */
import {
  allocationDepth,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  type DeferredReads,
  type Extent,
  type Offset,
  type ReadOptions,
} from '@nbdjs/interfaces';
import type { ImageFile } from '../device/image-file.ts';
import type { PageCache } from '../device/page-cache.ts';
import { ReadOnlyImage } from '../device/read-only-image.ts';
import type { ImageFacts } from '../image-facts.ts';
import { type BitmapMap, usableBitmaps } from './bitmap-map.ts';
import type { Qcow2Bitmap } from './bitmaps.ts';
import type { ClusterMap } from './cluster-map.ts';
import { ClusterReader } from './cluster-reader.ts';
import { bitmapExtents, clusterExtents } from './cluster-status.ts';
import type { PackedClusters } from './packed-clusters.ts';

/** What the device is made of. */
export interface Qcow2DeviceParts {
  /** What the image says about itself; its `virtualBytes` are the size. */
  readonly image: ImageFacts;
  /** Where clusters are. */
  readonly map: ClusterMap;
  /** The file that has the clusters. */
  readonly data: ImageFile;
  /** The compressed clusters. */
  readonly packed: PackedClusters;
  /** What the image was made over. */
  readonly backing: ImageFile | undefined;
  /** Those that are reported. */
  readonly bitmaps: readonly Qcow2Bitmap[];
  /** The tables of the image. */
  readonly tables: PageCache;
  /** Closed together with the device. */
  readonly owned: readonly BlockDevice[];
}

export class Qcow2Device extends ReadOnlyImage implements DeferredReads {
  readonly #parts: Qcow2DeviceParts;
  readonly #map: ClusterMap;
  readonly #data: ImageFile;
  readonly #reader: ClusterReader;
  readonly #bitmaps: ReadonlyMap<string, BitmapMap>;

  constructor(parts: Qcow2DeviceParts) {
    const { image, map, tables, owned } = parts;
    const bitmaps = usableBitmaps(tables, parts.bitmaps, map.clusterBytes);
    const contexts = [baseAllocation, allocationDepth, ...bitmaps.keys()];
    super({ image, contexts, preferredBytes: map.clusterBytes, owned });
    this.#parts = parts;
    this.#map = map;
    this.#data = parts.data;
    this.#reader = new ClusterReader(parts);
    this.#bitmaps = bitmaps;
  }

  /** Where the file below asks for memory late, whole reads of it do, too. */
  get deferredReads(): DeferredReads | undefined {
    return this.#data.device.deferredReads === undefined ? undefined : this;
  }

  override read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    const start = this.enter(offset, target.length, options);
    if (target.length === 0) return undefined;
    const host = this.#hostOf(start, target.length);
    if (host < 0) return this.during(() => this.#reader.read(start, target, options ?? {}));
    // Most reads end here: one piece of the file, which is closed only after it.
    if (options?.onChunk === undefined) return this.#data.read(host, target, options?.signal);
    return told(this.#data.read(host, target, options.signal), target.length, options);
  }

  readInto(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): void | Promise<void> {
    const start = this.enter(offset, length, options);
    const below = this.#data.device.deferredReads;
    const host = length === 0 ? -1 : this.#hostOf(start, length);
    if (host < 0 || below === undefined || !this.#data.fits(host, length)) return this.read(offset, provide(), options);
    return below.readInto(host, length, provide, options);
  }

  protected override extentsOf(
    context: string,
    start: number,
    length: number,
    options: BlockStatusOptions,
  ): Promise<readonly Extent[]> {
    const bitmap = this.#bitmaps.get(context);
    return bitmap === undefined
      ? clusterExtents(this.#parts, context, start, length, options)
      : bitmapExtents(bitmap, start, length, options);
  }

  /** Where a range is in the file, if all of it is there in one piece, and that is known at once; else -1. */
  #hostOf(start: number, length: number): number {
    try {
      const host = this.#map.hostOf(start, length);
      return host >= 0 && host + length <= this.#data.size ? host : -1;
    } catch {
      // Damage of a table is an error of the request, which comes by a promise.
      return -1;
    }
  }
}

/** Reports a read of one piece when it has settled. */
function told(work: void | Promise<void>, length: number, { onChunk }: ReadOptions): void | Promise<void> {
  const chunk = { type: 'data', position: 0, length } as const;
  if (work !== undefined) return work.then(() => onChunk?.(chunk));
  onChunk?.(chunk);
}
