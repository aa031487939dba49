/** A qcow2 image as a device that can be changed. */
import {
  type Abortable,
  allocationDepth,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  CommandError,
  type DeviceResizing,
  type Extent,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { ImageBase } from '../../device/image-base.ts';
import type { ImageFile } from '../../device/image-file.ts';
import type { WritableFile } from '../../device/writable-file.ts';
import type { ImageFacts } from '../../image-facts.ts';
import type { BitmapMap } from '../bitmap-map.ts';
import type { ClusterMap } from '../cluster-map.ts';
import { bitmapExtents, clusterExtents } from '../cluster-status.ts';
import type { BitmapRecorder } from './bitmap-recorder.ts';
import { ClusterEraser } from './cluster-eraser.ts';
import { ClusterWriter } from './cluster-writer.ts';
import type { DiskParts } from './disk-parts.ts';
import type { EraseMode } from './erase-plan.ts';
import type { ReadTurns } from './read-turns.ts';
import type { Resizer } from './resizer.ts';

/** What the device is made of. */
export interface WritableQcow2Parts {
  readonly image: ImageFacts;
  readonly disk: Omit<DiskParts, 'diskBytes'>;
  readonly map: ClusterMap;
  /** Those that can be used, by their contexts. */
  readonly bitmaps: ReadonlyMap<string, BitmapMap>;
  readonly recorder: BitmapRecorder;
  readonly reads: ReadTurns;
  readonly backing: ImageFile | undefined;
  readonly resizer: Resizer;
  readonly file: WritableFile;
  /** Closed together with the device. */
  readonly owned: readonly BlockDevice[];
}

export class WritableQcow2 extends ImageBase implements DeviceResizing {
  readonly resizing: DeviceResizing = this;
  readonly #parts: WritableQcow2Parts;
  readonly #disk: DiskParts;
  readonly #writer: ClusterWriter;
  readonly #eraser: ClusterEraser;

  constructor(parts: WritableQcow2Parts) {
    const { image, disk, owned } = parts;
    const { data, tables } = disk;
    super({
      image,
      abilities: {
        readOnly: false,
        flush: data.device.abilities.flush,
        fua: data.device.abilities.flush,
        trim: true,
        writeZeroes: true,
        fastZero: tables.format.hasZeroFlag || disk.backingBytes === 0,
        cache: false,
        multiConn: true,
        rotational: false,
        contexts: [baseAllocation, allocationDepth, ...parts.bitmaps.keys()],
      },
      minimumBytes: data.blockBytes,
      preferredBytes: tables.clusterBytes,
      owned,
    });
    this.#parts = parts;
    this.#disk = { ...disk, diskBytes: () => Number(this.geometry.size) };
    this.#writer = new ClusterWriter(this.#disk);
    this.#eraser = new ClusterEraser(this.#disk, this.#writer);
  }

  override read(offset: Offset, target: Uint8Array, options: ReadOptions = {}): void | Promise<void> {
    const start = this.enter(offset, target.length, options);
    if (target.length === 0) return undefined;
    return this.during(async () => {
      const ended = this.#parts.reads.begin();
      try {
        await this.#disk.reader.read(start, target, options);
      } finally {
        ended();
      }
    });
  }

  override write(offset: Offset, source: Uint8Array, options: WriteOptions = {}): void | Promise<void> {
    const start = this.enter(offset, source.length, options);
    this.#requireFlush(options);
    if (source.length === 0) return undefined;
    const end = start + source.length;
    return this.#change(start, end, options, () => this.#writer.write(start, source, options.signal));
  }

  override flush(options?: Abortable): void | Promise<void> {
    this.requireUsable(options);
    return this.during(() => this.#disk.store.commit());
  }

  override trim(offset: Offset, length: Offset, options: WriteOptions = {}): void | Promise<void> {
    return this.#erase(offset, length, 'trim', options);
  }

  override writeZeroes(offset: Offset, length: Offset, options: WriteZeroesOptions = {}): void | Promise<void> {
    const { fastZero, noHole } = options;
    if (fastZero === true && !(this.abilities.fastZero && (noHole !== true || this.#disk.tables.format.hasZeroFlag))) {
      this.enter(offset, length, options);
      return Promise.reject(new CommandError('ENOTSUP', 'zeroes have to be written here, which is not fast'));
    }
    return this.#erase(offset, length, noHole === true ? 'keep' : 'unmap', options);
  }

  /**
   * Makes the disk longer or shorter.
   *
   * @throws UsageError `ERR_NBD_NOT_SUPPORTED` when the image has snapshots that would not fit it any more, or bitmaps
   *   that cannot be used; CommandError `ENOSPC`
   *   when there is no room for longer tables.
   */
  async resize(size: Offset, options: Abortable = {}): Promise<void> {
    this.requireUsable(options);
    const next = BigInt(size);
    if (next < 0n) throw new UsageError('ERR_NBD_ARGUMENT', `${next} is not a possible size`);
    const old = Number(this.geometry.size);
    await this.during(async () => {
      const { resizer, recorder } = this.#parts;
      await resizer.prepare(next);
      if (next < old) {
        // If this fails halfway, the disk keeps its length, and has changed.
        await recorder.mark(Number(next), old);
        await this.#eraser.erase(Number(next), old, 'unmap', options.signal);
      } else await this.#hideBelow(old, Number(next), options.signal);
      await resizer.store(BigInt(old), next);
      this.resized(next);
    });
  }

  /** Forgets all that the image itself has of the disk, so that what lies below shows. No other request may be under way. */
  async forgetAll(options: Abortable = {}): Promise<void> {
    this.requireUsable(options);
    await this.during(() => this.#eraser.forgetAll(options.signal));
  }

  protected override extentsOf(
    context: string,
    start: number,
    length: number,
    options: BlockStatusOptions,
  ): Promise<readonly Extent[]> {
    const bitmap = this.#parts.bitmaps.get(context);
    if (bitmap !== undefined) return bitmapExtents(bitmap, start, length, options);
    return clusterExtents(this.#parts, context, start, length, options);
  }

  protected override async finish(): Promise<void> {
    await this.#disk.store.finish();
    await this.#parts.recorder.end();
    await this.#parts.file.shorten();
  }

  #erase(offset: Offset, length: Offset, mode: EraseMode, options: WriteOptions): void | Promise<void> {
    const start = this.enter(offset, Number(length), options);
    this.#requireFlush(options);
    const end = start + Number(length);
    if (end === start) return undefined;
    return this.#change(start, end, options, () => this.#eraser.erase(start, end, mode, options.signal));
  }

  #change(start: number, end: number, options: WriteOptions, work: () => Promise<void>): Promise<void> {
    return this.during(async () => {
      const { store } = this.#disk;
      await this.#parts.recorder.mark(start, end);
      await work();
      if (options.fua === true || store.isFull) await store.commit();
    });
  }

  #requireFlush({ fua }: WriteOptions): void {
    if (fua !== true || this.abilities.fua) return;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', 'the device below cannot say when bytes are on stable storage');
  }

  /** What lies below is longer than the disk was: it must not show where the disk grows. */
  async #hideBelow(old: number, next: number, signal: AbortSignal | undefined): Promise<void> {
    const end = Math.min(next, this.#disk.backingBytes);
    if (end <= old) return;
    const { clusterBytes } = this.#disk.tables;
    await this.#eraser.erase(old, Math.ceil(end / clusterBytes) * clusterBytes, 'unmap', signal);
  }
}
