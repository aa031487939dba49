/** A regular file or a block device of the system, open. */
import { fdatasync, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import {
  type Abilities,
  type Abortable,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  CommandError,
  type DeviceResizing,
  type Geometry,
  limits,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { requireGoing, requireInside } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { cachedReadBytesMax, readCached, sectorSize } from '@nbdjs/syscalls';
import { isBusy } from './busy-filesystems.ts';
import { fileError } from './file-error.ts';
import { FileExtents } from './file-extents.ts';
import { readAll, writeAll, writeZeroBytes } from './file-io.ts';
import { FileLife } from './file-life.ts';
import { type OpenedFile, truncate } from './file-opening.ts';
import { FileRanges } from './file-ranges.ts';
import { InlineWrites } from './inline-writes.ts';
import { awaitedReadBytesMax, PageWaits } from './page-waits.ts';
import { FileReadAhead } from './read-ahead.ts';
import { SharedSync } from './shared-sync.ts';
import { WriteQueue } from './write-queue.ts';

/** A device over a file, and what was found out when it was opened. */
export interface FileDevice extends BlockDevice {
  readonly kind: 'file' | 'block-device';
  /** The file did not exist, or was empty, so that it reads as zeroes throughout. */
  readonly isNew: boolean;
  /** Closes without finishing what is under way: long zeroing, trimming and caching stop where they are, with `cause`. */
  destroy(cause?: Error): void;
}

/** Extents in one answer. */
const extentsMax = 1024;

export class OpenFile implements FileDevice {
  readonly kind: FileDevice['kind'];
  readonly isNew: boolean;
  readonly abilities: Abilities;
  /** Regular files only: a block device has the size that it has. */
  readonly resizing: DeviceResizing | undefined;
  #geometry: Geometry;
  readonly #fd: number;
  readonly #path: string;
  #size: bigint;
  /** The same as a number, where it is exact; otherwise more than any offset that is a number. */
  #sizeNumber: number;
  readonly #life: FileLife;
  /** Set to `false` when the file does not support it; an error of one read does not change it. */
  #canReadInline = true;
  readonly #inlineWrites = new InlineWrites(systemClock);
  readonly #pageWaits = new PageWaits(systemClock, setImmediate);
  readonly #writes: WriteQueue;
  readonly #readAhead: FileReadAhead;
  /** The number of the filesystem that it lies on, or of the block device that it is; a filesystem on that device has the same. */
  readonly #filesystem: number;
  readonly #sync: SharedSync;
  readonly #ranges: FileRanges;
  readonly #extents: FileExtents;

  constructor({ fd, path, readOnly, stats, size }: OpenedFile) {
    this.#fd = fd;
    this.#path = path;
    this.#size = size;
    this.#sizeNumber = Number(size);
    this.kind = stats.isFile() ? 'file' : 'block-device';
    this.isNew = stats.isFile() && stats.size === 0;
    const sector = stats.isFile() ? undefined : sectorSize(fd);
    this.#life = new FileLife(fd);
    this.#readAhead = new FileReadAhead(fd);
    this.#writes = new WriteQueue(fd);
    this.#filesystem = stats.isFile() ? stats.dev : stats.rdev;
    this.#sync = new SharedSync(() => promisify(fdatasync)(fd));
    this.#ranges = new FileRanges(fd, this.#filesystem, sector ?? 1, () => this.#life.requireNotDestroyed());
    this.#extents = new FileExtents(fd, systemClock, () => this.#ranges.isBusy);
    const resize = (next: Offset, options?: Abortable): Promise<void> => this.#resize(next, options);
    this.resizing = stats.isFile() && !readOnly ? { resize } : undefined;
    this.#geometry = {
      size,
      minimumBlockSize: 1,
      preferredBlockSize: Math.max(4096, sector ?? 0),
      maximumBlockSize: limits.payloadBytesDefault,
    };
    this.abilities = {
      readOnly,
      flush: true,
      fua: !readOnly,
      trim: !readOnly && this.#ranges.canPunch,
      writeZeroes: !readOnly,
      fastZero: !readOnly && this.#ranges.canPunch,
      cache: true,
      multiConn: true,
      rotational: false,
      contexts: [baseAllocation],
    };
  }

  get geometry(): Geometry {
    return this.#geometry;
  }

  #resize(next: Offset, options: Abortable | undefined): Promise<void> {
    return this.#run(0, 0, options, 'resizing', async () => {
      if (next < 0) throw new UsageError('ERR_NBD_ARGUMENT', `${next} is not a possible size`);
      await truncate(this.#fd, this.#path, next);
      this.#size = BigInt(next);
      this.#sizeNumber = Number(next);
      this.#geometry = { ...this.#geometry, size: this.#size };
    });
  }

  /** What is in the page cache, now or very soon, is read inline; the rest by a thread that may wait for the disk. */
  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    if (this.#readInline(offset, target, options)) return undefined;
    return this.#run(offset, target.length, options, 'reading', async () => {
      if (!(await this.#readSoon(offset, target))) await readAll(this.#fd, offset, target);
      if (target.length > 0) options?.onChunk?.({ type: 'data', position: 0, length: target.length });
    });
  }

  #readInline(offset: Offset, target: Uint8Array, options: ReadOptions | undefined): boolean {
    const { length } = target;
    if (!this.#canReadInline || typeof offset !== 'number' || length === 0 || length > cachedReadBytesMax) return false;
    if (!this.#isPlain(offset, length, options) || !this.#readCached(offset, target)) return false;
    options?.onChunk?.({ type: 'data', position: 0, length });
    return true;
  }

  /** Waits for the disk without a thread, where that is quicker. */
  #readSoon(offset: Offset, target: Uint8Array): boolean | Promise<boolean> {
    const { length } = target;
    if (!this.#canReadInline || typeof offset !== 'number' || length === 0 || length > awaitedReadBytesMax)
      return false;
    if (!this.#pageWaits.isWorthIt) return false;
    return this.#pageWaits.until(() => this.#readCached(offset, target));
  }

  #readCached(offset: number, target: Uint8Array): boolean {
    const isRead = readCached(this.#fd, target, offset);
    if (isRead === undefined) this.#canReadInline = false;
    return isRead === true;
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void> {
    if (this.#writeInline(offset, source, options)) return undefined;
    return this.#change(offset, source.length, options, 'writing', () =>
      // The system lets several callers write to a block device side by side.
      this.kind === 'file' ? this.#writes.write(Number(offset), source) : writeAll(this.#fd, offset, source),
    );
  }

  /** What the page cache takes as quickly as memory would is written inline; the rest by a thread that may wait. */
  #writeInline(offset: Offset, source: Uint8Array, options: WriteOptions | undefined): boolean {
    const { length } = source;
    if (typeof offset !== 'number' || length === 0 || options?.fua === true) return false;
    // During a flush, or while ranges are punched or zeroed, the filesystem may make writers wait.
    if (this.#sync.isRunning || isBusy(this.#filesystem)) return false;
    if (!this.#isPlain(offset, length, options) || !this.#inlineWrites.mayTry(offset, length)) return false;
    try {
      return this.#inlineWrites.run(() => writeSync(this.#fd, source, 0, length, offset)) === length;
    } catch {
      // The thread writes once more, and its error says why.
      return false;
    }
  }

  /** Whether the arguments of a call are valid; if not, the path by a thread reports what is wrong. */
  #isPlain(offset: number, length: number, options: Abortable | undefined): boolean {
    if (this.#life.isClosed || options?.signal?.aborted === true) return false;
    return Number.isSafeInteger(offset) && offset >= 0 && offset + length <= this.#sizeNumber;
  }

  flush(options?: Abortable): Promise<void> {
    return this.#run(0, 0, options, 'flushing', () => this.#sync.run());
  }

  trim(offset: Offset, length: Offset, options?: WriteOptions): Promise<void> {
    return this.#change(offset, length, options, 'trimming', async () => {
      // Trimming is a hint: nothing is done where it cannot be done, as in parts of sectors.
      const start = BigInt(offset);
      const [from, to] = this.#ranges.whole(start, start + BigInt(length));
      if (from < to) await this.#ranges.punch(from, to, options?.signal);
    });
  }

  writeZeroes(offset: Offset, length: Offset, options: WriteZeroesOptions = {}): Promise<void> {
    return this.#change(offset, length, options, 'zeroing', async () => {
      const start = BigInt(offset);
      const end = start + BigInt(length);
      const [from, to] = this.#ranges.whole(start, end);
      const going = (): void => this.#requireGoing(options);
      if (from >= to) {
        await writeZeroBytes(this.#fd, start, end, going);
      } else if (await this.#zeroSectors(from, to, options)) {
        await writeZeroBytes(this.#fd, start, from, going);
        await writeZeroBytes(this.#fd, to, end, going);
      } else {
        if (options.fastZero === true) throw new CommandError('ENOTSUP', `${this.#path} cannot be zeroed quickly`);
        await writeZeroBytes(this.#fd, start, end, going);
      }
    });
  }

  /** Returns whether the filesystem, or the device, has done it. */
  async #zeroSectors(from: bigint, to: bigint, { noHole, fastZero, signal }: WriteZeroesOptions): Promise<boolean> {
    if (noHole !== true && (await this.#ranges.punch(from, to, signal))) return true;
    // A block device may have the system write the zeroes.
    if (fastZero === true && (noHole !== true || this.kind === 'block-device')) return false;
    return this.#ranges.zero(from, to, signal);
  }

  /** Has the system read ahead, or reads. */
  cache(offset: Offset, length: Offset, options?: Abortable): Promise<void> {
    return this.#run(offset, length, options, 'caching', () =>
      this.#readAhead.run(BigInt(offset), BigInt(length), () => this.#requireGoing(options)),
    );
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    this.#life.requireOpen();
    requireGoing(options);
    const [start, end] = requireInside(this.#size, offset, length);
    if (start === end) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    if (options.contexts !== undefined && !options.contexts.includes(baseAllocation)) return [];
    let extents: MetaContextExtents['extents'] = [];
    await this.#run(offset, length, options, 'mapping', async () => {
      extents = await this.#extents.list(start, end, options.one === true ? 1 : extentsMax);
    });
    return [{ context: baseAllocation, extents }];
  }

  close(): Promise<void> {
    return this.#life.close();
  }

  destroy(cause?: Error): void {
    this.#life.destroy(cause);
  }

  /** For long work: throws when the caller or the device wants it to stop. */
  #requireGoing(options: Abortable | undefined): void {
    options?.signal?.throwIfAborted();
    this.#life.requireNotDestroyed();
  }

  #change(
    offset: Offset,
    length: Offset,
    options: WriteOptions | undefined,
    operation: string,
    work: () => Promise<void>,
  ): Promise<void> {
    if (this.abilities.readOnly) {
      return Promise.reject(new UsageError('ERR_NBD_READ_ONLY', `${this.#path} is open for reading only`));
    }
    if (options?.fua !== true) return this.#run(offset, length, options, operation, work);
    return this.#run(offset, length, options, operation, async () => {
      await work();
      await this.#sync.run();
    });
  }

  async #run(
    offset: Offset,
    length: Offset,
    options: Abortable | undefined,
    operation: string,
    work: () => Promise<void>,
  ): Promise<void> {
    this.#life.requireOpen();
    requireGoing(options);
    requireInside(this.#size, offset, length);
    try {
      await this.#life.during(work);
    } catch (error) {
      if (error instanceof CommandError || error instanceof UsageError) throw error;
      if (error === options?.signal?.reason || error === this.#life.destroyedBy) throw error;
      throw fileError(operation, this.#path, error);
    }
  }
}
