/** A regular file or a block device of the system. */
import { close, constants, fdatasync, fstat, ftruncate, open, read, type Stats, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import {
  type Abilities,
  type Abortable,
  AllocationStatus,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  CommandError,
  type Extent,
  type Geometry,
  limits,
  type MetaContextExtents,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import {
  blockDeviceSize,
  cachedReadBytesMax,
  capabilities,
  nextTurn,
  punchHole,
  readCached,
  sectorSize,
  seekData,
  seekHole,
  systemClock,
  zeroRange,
} from '@nbdjs/syscalls';
import { Lifetime, requireGoing, requireInside } from './bounds.ts';
import { fileError } from './file-error.ts';
import { PromptWrites } from './prompt-writes.ts';

export interface FileDeviceOptions {
  /** @default false */
  readonly readOnly?: boolean | undefined;
  /** Make the file when it does not exist. @default false */
  readonly create?: boolean | undefined;
  /** Give a regular file this length, in bytes. Block devices keep theirs. */
  readonly size?: number | bigint | undefined;
}

/** A device over a file, with what opening it has shown. */
export interface FileDevice extends BlockDevice {
  readonly kind: 'file' | 'block-device';
  /** The file did not exist, or was empty, so that it reads as zeroes throughout. */
  readonly isNew: boolean;
}

/** Extents in one answer. */
const extentsMax = 1024;
/** Zeroes are written in pieces of this size where there is no better way. */
const zeroBytes = 1024 * 1024;

/** So much is given back to the filesystem, or zeroed by it, before others on this thread have their turn: some milliseconds' worth. */
const rangePieceBytes = 2 ** 30;

/**
 * Opens a regular file or a block device.
 *
 * @throws a system error that names the path, or UsageError when it is neither of the two.
 */
export async function openFileDevice(path: string, options: FileDeviceOptions = {}): Promise<FileDevice> {
  const { readOnly = false, create = false, size } = options;
  const access = readOnly ? constants.O_RDONLY : constants.O_RDWR;
  const fd = await promisify(open)(path, access | (create && !readOnly ? constants.O_CREAT : 0), 0o666);
  try {
    const stats = await promisify(fstat)(fd);
    if (!stats.isFile() && !stats.isBlockDevice()) {
      throw new UsageError('ERR_NBD_ARGUMENT', `${path} is neither a regular file nor a block device`);
    }
    const isNew = stats.isFile() && stats.size === 0;
    if (size !== undefined && stats.isFile() && !readOnly && BigInt(stats.size) !== BigInt(size)) {
      await truncate(fd, path, size);
    }
    return new OpenFile(fd, path, readOnly, stats, await measure(fd, path, stats), isNew);
  } catch (error) {
    await promisify(close)(fd);
    throw error;
  }
}

async function truncate(fd: number, path: string, size: number | bigint): Promise<void> {
  if (size > Number.MAX_SAFE_INTEGER) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${path} cannot be given a length of ${size} bytes`);
  }
  try {
    await promisify(ftruncate)(fd, Number(size));
  } catch (error) {
    throw fileError('extending', path, error);
  }
}

async function measure(fd: number, path: string, stats: Stats): Promise<bigint> {
  if (stats.isFile()) return BigInt((await promisify(fstat)(fd)).size);
  const size = blockDeviceSize(fd);
  if (size === undefined) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `the size of the block device ${path} cannot be found out here`);
  }
  return size;
}

class OpenFile implements FileDevice {
  readonly kind: FileDevice['kind'];
  readonly isNew: boolean;
  readonly abilities: Abilities;
  /** Regular files only: a block device has the size that it has. */
  readonly resize?: (size: Offset, options?: Abortable) => Promise<void>;
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
  /** Native calls that the filesystem turned out not to support are not tried again. */
  #canSeek = capabilities().seekData;
  #canPunch = capabilities().allocate;
  #canZeroRange = capabilities().allocate;
  #canReadAtOnce = true;
  readonly #promptWrites: PromptWrites;
  #flushCount = 0;

  constructor(fd: number, path: string, readOnly: boolean, stats: Stats, size: bigint, isNew: boolean) {
    this.#fd = fd;
    this.#path = path;
    this.#size = size;
    this.#sizeNumber = Number(size);
    this.kind = stats.isFile() ? 'file' : 'block-device';
    this.isNew = isNew;
    this.#promptWrites = new PromptWrites(systemClock);
    const sector = stats.isFile() ? undefined : sectorSize(fd);
    if (stats.isFile() && !readOnly) this.resize = (next, options) => this.#resize(next, options);
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
      trim: !readOnly && this.#canPunch,
      writeZeroes: !readOnly,
      fastZero: !readOnly && this.#canPunch,
      cache: false,
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
    // Beside a flush, the filesystem may make writers wait.
    if (typeof offset !== 'number' || length === 0 || options?.fua === true || this.#flushCount > 0) return false;
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
    return this.#run(0, 0, options, 'flushing', () => this.#sync());
  }

  async #sync(): Promise<void> {
    this.#flushCount++;
    try {
      await promisify(fdatasync)(this.#fd);
    } finally {
      this.#flushCount--;
    }
  }

  trim(offset: Offset, length: Offset, options?: WriteOptions): Promise<void> {
    return this.#change(offset, length, options, 'trimming', async () => {
      // Trimming is a hint: where it cannot be done, nothing is done.
      if (this.#canPunch && length > 0) await this.#punch(offset, length, options?.signal);
    });
  }

  writeZeroes(offset: Offset, length: Offset, options: WriteZeroesOptions = {}): Promise<void> {
    return this.#change(offset, length, options, 'zeroing', async () => {
      if (length <= 0) return;
      const { noHole = false, signal } = options;
      if (!noHole && this.#canPunch && (await this.#punch(offset, length, signal))) return;
      if (noHole && this.#canZeroRange && (await this.#zero(offset, length, signal))) return;
      if (options.fastZero === true) throw new CommandError('ENOTSUP', `${this.#path} cannot be zeroed quickly`);
      await this.#writeZeroBytes(BigInt(offset), BigInt(offset) + BigInt(length), signal);
    });
  }

  cache(offset: Offset, length: Offset, options?: Abortable): Promise<void> {
    return this.#run(offset, length, options, 'caching', async () => {});
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
    return [{ context: baseAllocation, extents: this.#extents(start, end, options.one === true ? 1 : extentsMax) }];
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
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
      await this.#sync();
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
      if (error instanceof CommandError || error instanceof UsageError || error === options?.signal?.reason)
        throw error;
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
    const zeroes = new Uint8Array(left < zeroBytes ? Number(left) : zeroBytes);
    for (let position = start; position < end; position += BigInt(zeroes.length)) {
      signal?.throwIfAborted();
      const rest = end - position;
      await this.#writeAll(Number(position), rest < zeroes.length ? zeroes.subarray(0, Number(rest)) : zeroes);
    }
  }

  /** `false` when the filesystem cannot. */
  async #punch(offset: Offset, length: Offset, signal: AbortSignal | undefined): Promise<boolean> {
    this.#canPunch = await this.#inPieces(punchHole, offset, length, signal);
    return this.#canPunch;
  }

  async #zero(offset: Offset, length: Offset, signal: AbortSignal | undefined): Promise<boolean> {
    this.#canZeroRange = await this.#inPieces(zeroRange, offset, length, signal);
    return this.#canZeroRange;
  }

  /** Has the filesystem work on a range, however long; `false` when it cannot. */
  async #inPieces(
    work: (fd: number, offset: Offset, length: Offset) => void,
    offset: Offset,
    length: Offset,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    if (length <= rangePieceBytes) return attempt(() => work(this.#fd, offset, length));
    const end = BigInt(offset) + BigInt(length);
    for (let position = BigInt(offset); position < end; position += BigInt(rangePieceBytes)) {
      signal?.throwIfAborted();
      const left = end - position;
      const piece = left < rangePieceBytes ? Number(left) : rangePieceBytes;
      if (!attempt(() => work(this.#fd, position, piece))) return false;
      await new Promise<void>(nextTurn);
    }
    return true;
  }

  #extents(start: bigint, end: bigint, count: number): Extent[] {
    const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);
    const extents: Extent[] = [];
    let position = start;
    const add = (to: bigint, status: bigint): void => {
      const until = to < end ? to : end;
      if (until > position) extents.push({ offset: position, length: until - position, status });
      position = until > position ? until : position;
    };
    try {
      while (this.#canSeek && position < end && extents.length < count) {
        const data = seekData(this.#fd, position) ?? end;
        add(data, hole);
        if (position < end && extents.length < count) add(seekHole(this.#fd, position) ?? end, 0n);
      }
    } catch (error) {
      if (!isUnsupported(error)) throw fileError('mapping', this.#path, error);
      this.#canSeek = false;
    }
    // Without a way to ask, everything counts as data.
    if (extents.length === 0) add(end, 0n);
    return extents;
  }
}

/** Whether the filesystem could do it. Other errors are thrown. */
function attempt(work: () => void): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (isUnsupported(error)) return false;
    throw error;
  }
}

function isUnsupported(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EINVAL', 'ENODEV', 'ENOTTY', 'ESPIPE'].includes(code);
}
