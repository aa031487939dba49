/** A regular file or a block device of the system. */
import { close, fdatasync, read, write, writeSync } from 'node:fs';
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
import { checkOptions, describeValue, type OptionChecks, optionChecks } from '@nbdjs/kit';
import { systemClock } from '@nbdjs/node';
import { cachedReadBytesMax, readCached, sectorSize, willNeed } from '@nbdjs/syscalls';
import { Lifetime, requireGoing, requireInside } from './bounds.ts';
import { isBusy } from './busy-filesystems.ts';
import { fileError } from './file-error.ts';
import { FileExtents } from './file-extents.ts';
import { type FileDeviceOptions, type OpenedFile, openFile, truncate } from './file-opening.ts';
import { FileRanges } from './file-ranges.ts';
import { PromptWrites } from './prompt-writes.ts';
import { SharedSync } from './shared-sync.ts';

const ofFile: OptionChecks<FileDeviceOptions> = {
  create: optionChecks.boolean,
  readOnly: optionChecks.boolean,
  size: optionChecks.bytes,
  truncate: optionChecks.boolean,
};

/** A device over a file, with what opening it has shown. */
export interface FileDevice extends BlockDevice {
  readonly kind: 'file' | 'block-device';
  /** The file did not exist, or was empty, so that it reads as zeroes throughout. */
  readonly isNew: boolean;
  /** Closes without finishing what is under way: long zeroing, trimming and caching stop where they are, with `cause`. */
  destroy(cause?: Error): void;
}

/** Extents in one answer. */
const extentsMax = 1024;
/** Zeroes are written, and bytes read ahead, in pieces of this size where there is no better way. */
const scratchBytes = 1024 * 1024;

/** More is not read ahead for one request, which is a hint and nothing more. In bytes. */
const cacheBytesMax = 2 ** 30;
/** A system takes only so much of a range as it reads ahead at once: 128 KiB if nobody has set it otherwise. */
const readAheadBytes = 128 * 1024;

/**
 * Opens a regular file or a block device.
 *
 * @throws a system error that names the path, or UsageError when it is neither of the two, or longer than it may be.
 */
export async function openFileDevice(path: string, options: FileDeviceOptions = {}): Promise<FileDevice> {
  if (typeof path !== 'string' || path.includes('\0')) {
    const got = typeof path === 'string' ? JSON.stringify(path) : describeValue(path);
    const message = `openFileDevice: the path is ${got}, expected a string without NUL`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  checkOptions('openFileDevice', options, ofFile);
  return new OpenFile(await openFile(path, options));
}

class OpenFile implements FileDevice {
  readonly kind: FileDevice['kind'];
  readonly isNew: boolean;
  readonly abilities: Abilities;
  /** Regular files only: a block device has the size that it has. */
  readonly resizing: DeviceResizing | undefined;
  #geometry: Geometry;
  readonly #fd: number;
  readonly #path: string;
  #size: bigint;
  /** The same where it is exact, else something larger than any offset that is a number. */
  #sizeNumber: number;
  readonly #life = new Lifetime();
  /** Calls under way; the descriptor is closed when there is none. */
  #busyCount = 0;
  #whenIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  /** An inability of the file is remembered; an error of one read is not. */
  #canReadAtOnce = true;
  #canAdvise = true;
  readonly #promptWrites: PromptWrites;
  /** The filesystem that it lies on, or the block device that it is; a filesystem on that device has the same number. */
  readonly #filesystem: number;
  readonly #sync: SharedSync;
  readonly #ranges: FileRanges;
  readonly #extents: FileExtents;
  #destroyedBy: Error | undefined;

  constructor({ fd, path, readOnly, stats, size }: OpenedFile) {
    this.#fd = fd;
    this.#path = path;
    this.#size = size;
    this.#sizeNumber = Number(size);
    this.kind = stats.isFile() ? 'file' : 'block-device';
    this.isNew = stats.isFile() && stats.size === 0;
    const sector = stats.isFile() ? undefined : sectorSize(fd);
    this.#promptWrites = new PromptWrites(systemClock);
    this.#filesystem = stats.isFile() ? stats.dev : stats.rdev;
    this.#sync = new SharedSync(() => promisify(fdatasync)(fd));
    this.#ranges = new FileRanges(fd, this.#filesystem, sector ?? 1, () => this.#requireNotDestroyed());
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

  /** What is in the page cache is read at once; the rest by a thread that may wait for the disk. */
  read(offset: Offset, target: Uint8Array, options?: ReadOptions): void | Promise<void> {
    if (this.#readAtOnce(offset, target, options)) return undefined;
    return this.#run(offset, target.length, options, 'reading', async () => {
      await this.#readAll(offset, target);
      if (target.length > 0) options?.onChunk?.({ type: 'data', position: 0, length: target.length });
    });
  }

  #readAtOnce(offset: Offset, target: Uint8Array, options: ReadOptions | undefined): boolean {
    const { length } = target;
    if (!this.#canReadAtOnce || typeof offset !== 'number' || length === 0 || length > cachedReadBytesMax) return false;
    if (!this.#isPlain(offset, length, options)) return false;
    const isRead = readCached(this.#fd, target, offset);
    if (isRead === undefined) this.#canReadAtOnce = false;
    if (isRead !== true) return false;
    options?.onChunk?.({ type: 'data', position: 0, length });
    return true;
  }

  write(offset: Offset, source: Uint8Array, options?: WriteOptions): void | Promise<void> {
    if (this.#writeAtOnce(offset, source, options)) return undefined;
    return this.#change(offset, source.length, options, 'writing', () => this.#writeAll(offset, source));
  }

  /** What the page cache takes as quickly as memory would is written at once; the rest by a thread that may wait. */
  #writeAtOnce(offset: Offset, source: Uint8Array, options: WriteOptions | undefined): boolean {
    const { length } = source;
    if (typeof offset !== 'number' || length === 0 || options?.fua === true) return false;
    // Beside a flush, or work on ranges, the filesystem may make writers wait.
    if (this.#sync.isRunning || isBusy(this.#filesystem)) return false;
    if (!this.#isPlain(offset, length, options) || !this.#promptWrites.mayTry(offset, length)) return false;
    try {
      return this.#promptWrites.run(() => writeSync(this.#fd, source, 0, length, offset)) === length;
    } catch {
      // Written once more, it fails in a way that tells why.
      return false;
    }
  }

  /** Whether nothing is wrong with a call; if something is, the other way tells what. */
  #isPlain(offset: number, length: number, options: Abortable | undefined): boolean {
    if (this.#life.isClosed || options?.signal?.aborted === true) return false;
    return Number.isSafeInteger(offset) && offset >= 0 && offset + length <= this.#sizeNumber;
  }

  flush(options?: Abortable): Promise<void> {
    return this.#run(0, 0, options, 'flushing', () => this.#sync.run());
  }

  trim(offset: Offset, length: Offset, options?: WriteOptions): Promise<void> {
    return this.#change(offset, length, options, 'trimming', async () => {
      // Trimming is a hint: where it cannot be done, as in parts of sectors, nothing is done.
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
      if (from >= to) {
        await this.#writeZeroBytes(start, end, options.signal);
      } else if (await this.#zeroSectors(from, to, options)) {
        await this.#writeZeroBytes(start, from, options.signal);
        await this.#writeZeroBytes(to, end, options.signal);
      } else {
        if (options.fastZero === true) throw new CommandError('ENOTSUP', `${this.#path} cannot be zeroed quickly`);
        await this.#writeZeroBytes(start, end, options.signal);
      }
    });
  }

  /** `false` when the filesystem, or the device, cannot. */
  async #zeroSectors(from: bigint, to: bigint, { noHole, fastZero, signal }: WriteZeroesOptions): Promise<boolean> {
    if (noHole !== true && (await this.#ranges.punch(from, to, signal))) return true;
    // A block device may have the system write the zeroes.
    if (fastZero === true && (noHole !== true || this.kind === 'block-device')) return false;
    return this.#ranges.zero(from, to, signal);
  }

  /** Has the system read ahead, or reads. */
  cache(offset: Offset, length: Offset, options?: Abortable): Promise<void> {
    return this.#run(offset, length, options, 'caching', async () => {
      const start = BigInt(offset);
      const wanted = BigInt(length);
      const end = start + (wanted < cacheBytesMax ? wanted : BigInt(cacheBytesMax));
      let scratch: Uint8Array | undefined;
      for (let position = start; position < end; ) {
        options?.signal?.throwIfAborted();
        this.#requireNotDestroyed();
        const pieceBytes = this.#canAdvise ? readAheadBytes : scratchBytes;
        const piece = end - position < pieceBytes ? Number(end - position) : pieceBytes;
        if (this.#canAdvise) {
          this.#canAdvise = await willNeed(this.#fd, position, piece);
          if (!this.#canAdvise) continue;
        } else {
          scratch ??= new Uint8Array(pieceBytes);
          await this.#readAll(position, scratch.subarray(0, piece));
        }
        position += BigInt(piece);
      }
    });
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
    this.#closing ??= this.#close();
    return this.#closing;
  }

  destroy(cause: Error = new UsageError('ERR_NBD_CLOSED', 'the device was closed')): void {
    this.#destroyedBy ??= cause;
    void this.close().catch(() => {});
  }

  #requireNotDestroyed(): void {
    if (this.#destroyedBy !== undefined) throw this.#destroyedBy;
  }

  async #close(): Promise<void> {
    this.#life.end();
    if (this.#busyCount > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await promisify(close)(this.#fd);
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
    this.#busyCount++;
    try {
      await work();
    } catch (error) {
      if (error instanceof CommandError || error instanceof UsageError) throw error;
      if (error === options?.signal?.reason || error === this.#destroyedBy) throw error;
      throw fileError(operation, this.#path, error);
    } finally {
      this.#busyCount--;
      if (this.#busyCount === 0) this.#whenIdle?.();
    }
  }

  /** One promise for the whole read; the kernel may deliver it in parts. */
  #readAll(offset: Offset, target: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      let done = 0;
      const next = (): void => {
        const position = typeof offset === 'bigint' ? offset + BigInt(done) : offset + done;
        read(this.#fd, target, done, target.length - done, position, (error, byteCount) => {
          if (error !== null) {
            reject(error);
            return;
          }
          done += byteCount;
          if (done === target.length) resolve();
          else if (byteCount > 0) next();
          else reject(new Error('the file has become shorter'));
        });
      };
      if (target.length === 0) resolve();
      else next();
    });
  }

  #writeAll(offset: Offset, source: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      let done = 0;
      const next = (): void => {
        const position = typeof offset === 'bigint' ? offset + BigInt(done) : offset + done;
        // Node takes exact numbers only for writes, which files beyond 2^53 bytes do not exist for.
        write(this.#fd, source, done, source.length - done, Number(position), (error, byteCount) => {
          if (error !== null) {
            reject(error);
            return;
          }
          done += byteCount;
          if (done === source.length) resolve();
          else next();
        });
      };
      if (source.length === 0) resolve();
      else next();
    });
  }

  async #writeZeroBytes(start: bigint, end: bigint, signal: AbortSignal | undefined): Promise<void> {
    const left = end - start;
    if (left <= 0n) return;
    const zeroes = new Uint8Array(left < scratchBytes ? Number(left) : scratchBytes);
    for (let position = start; position < end; position += BigInt(zeroes.length)) {
      signal?.throwIfAborted();
      this.#requireNotDestroyed();
      const rest = end - position;
      await this.#writeAll(Number(position), rest < zeroes.length ? zeroes.subarray(0, Number(rest)) : zeroes);
    }
  }
}
