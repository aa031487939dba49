/** A qcow2 image as a device: reads, and what its parts consist of. */
import {
  type Abilities,
  type Abortable,
  allocationDepth,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  type DeferredReads,
  type Geometry,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
} from '@nbdjs/interfaces';
import { checkInside, Lifetime, requireGoing, requireInside, settleAll } from '@nbdjs/kit';
import type { ImageFile } from '../device/image-file.ts';
import type { PageCache } from '../device/page-cache.ts';
import type { ImageDevice, ImageFacts } from '../image-facts.ts';
import { BitmapMap } from './bitmap-map.ts';
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

/** The longest read in one piece, in bytes. */
const maximumBytes = 32 * 2 ** 20;
/** QEMU's context for a bitmap. */
const bitmapPrefix = 'qemu:dirty-bitmap:';

export class Qcow2Device implements ImageDevice, DeferredReads {
  readonly abilities: Abilities;
  readonly geometry: Geometry;
  readonly image: ImageFacts;
  readonly #parts: Qcow2DeviceParts;
  readonly #map: ClusterMap;
  readonly #data: ImageFile;
  readonly #reader: ClusterReader;
  readonly #bitmaps: ReadonlyMap<string, BitmapMap>;
  readonly #sizeNumber: number;
  readonly #life = new Lifetime();
  #inFlight = 0;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: Qcow2DeviceParts) {
    const { image, map, bitmaps, tables } = parts;
    this.#parts = parts;
    this.image = image;
    this.#map = map;
    this.#data = parts.data;
    this.#reader = new ClusterReader(parts);
    this.#bitmaps = new Map(
      bitmaps.map((one) => [`${bitmapPrefix}${one.name}`, new BitmapMap(tables, one, map.clusterBytes)]),
    );
    this.#sizeNumber = Number(image.virtualBytes);
    this.abilities = {
      readOnly: true,
      flush: false,
      fua: false,
      trim: false,
      writeZeroes: false,
      fastZero: false,
      cache: false,
      multiConn: true,
      rotational: false,
      contexts: [baseAllocation, allocationDepth, ...this.#bitmaps.keys()],
    };
    this.geometry = {
      size: image.virtualBytes,
      minimumBlockSize: 1,
      preferredBlockSize: Math.max(4096, map.clusterBytes),
      maximumBlockSize: maximumBytes,
    };
  }

  /** Where the file below asks for memory late, whole reads of it do, too. */
  get deferredReads(): DeferredReads | undefined {
    return this.#data.device.deferredReads === undefined ? undefined : this;
  }

  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    const start = this.#enter(offset, target.length, options);
    if (target.length === 0) return undefined;
    const host = this.#hostOf(start, target.length);
    if (host < 0) return this.#during(() => this.#reader.read(start, target, options ?? {}));
    // Most reads end here: one piece of the file, which is closed only after it.
    if (options?.onChunk === undefined) return this.#data.read(host, target, options?.signal);
    return told(this.#data.read(host, target, options.signal), target.length, options);
  }

  readInto(offset: Offset, length: number, provide: () => Uint8Array, options?: ReadOptions): void | Promise<void> {
    const start = this.#enter(offset, length, options);
    const below = this.#data.device.deferredReads;
    const host = length === 0 ? -1 : this.#hostOf(start, length);
    if (host < 0 || below === undefined || !this.#data.fits(host, length)) return this.read(offset, provide(), options);
    return below.readInto(host, length, provide, options);
  }

  write(offset: Offset, source: Uint8Array, options: Abortable = {}): void {
    this.#refuseChange(offset, source.length, options);
  }

  flush(options: Abortable = {}): void {
    this.#life.requireOpen();
    requireGoing(options);
  }

  trim(offset: Offset, length: Offset, options: Abortable = {}): void {
    this.#refuseChange(offset, length, options);
  }

  writeZeroes(offset: Offset, length: Offset, options: Abortable = {}): void {
    this.#refuseChange(offset, length, options);
  }

  cache(offset: Offset, length: Offset, options: Abortable = {}): void {
    this.#life.requireOpen();
    requireGoing(options);
    requireInside(this.geometry.size, offset, length);
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    const start = this.#enter(offset, length, options);
    const bytes = Number(length);
    if (bytes === 0) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    const wanted = this.abilities.contexts.filter((one) => options.contexts?.includes(one) !== false);
    return this.#during(async () => {
      const answer: MetaContextExtents[] = [];
      for (const context of wanted) {
        const bitmap = this.#bitmaps.get(context);
        const extents =
          bitmap === undefined
            ? await clusterExtents(this.#parts, context, start, bytes, options)
            : await bitmapExtents(bitmap, start, bytes, options);
        answer.push({ context, extents });
      }
      return answer;
    });
  }

  /** Closes the file, and what the image refers to, too. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#life.end();
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await settleAll(this.#parts.owned.map((device) => device.close()));
  }

  #enter(offset: Offset, length: Offset, options: Abortable | undefined): number {
    this.#life.requireOpen();
    checkInside(this.geometry.size, this.#sizeNumber, offset, length);
    requireGoing(options);
    return Number(offset);
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

  #refuseChange(offset: Offset, length: Offset, options: Abortable): void {
    this.#enter(offset, length, options);
    throw new UsageError('ERR_NBD_READ_ONLY', 'the image is open for reading only');
  }

  async #during<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#inFlight++;
    try {
      return await work();
    } finally {
      this.#inFlight--;
      if (this.#inFlight === 0) this.#onIdle?.();
    }
  }
}

/** Reports a read of one piece when it has settled. */
function told(work: void | Promise<void>, length: number, { onChunk }: ReadOptions): void | Promise<void> {
  const chunk = { type: 'data', position: 0, length } as const;
  if (work !== undefined) return work.then(() => onChunk?.(chunk));
  onChunk?.(chunk);
}
