/** The device that `defineDevice` makes: checks around the functions of its definition, and defaults for those that are missing. */
import {
  type Abilities,
  type Abortable,
  type BlockDevice,
  type BlockStatusOptions,
  baseAllocation,
  CommandError,
  type Geometry,
  type MetaContextExtents,
  NbdError,
  type Offset,
  type ReadOptions,
  UsageError,
  type WriteOptions,
  type WriteZeroesOptions,
} from '@nbdjs/interfaces';
import { Lifetime, requireGoing, requireInside } from '@nbdjs/kit';
import { errnoOf } from '../file/file-error.ts';
import type { DefinedExtent, DeviceDefinition } from './device-definition.ts';

/** Zeroes are written in pieces of this many bytes. */
const zeroPieceBytes = 1024 * 1024;

export class DefinedDevice implements BlockDevice {
  readonly geometry: Geometry;
  readonly abilities: Abilities;
  readonly #definition: DeviceDefinition;
  readonly #life = new Lifetime();
  #zeroes: Uint8Array | undefined;

  constructor(definition: DeviceDefinition, geometry: Geometry) {
    this.#definition = definition;
    this.geometry = geometry;
    const isWritable = definition.write !== undefined;
    this.abilities = {
      readOnly: !isWritable,
      flush: isWritable,
      fua: isWritable,
      trim: isWritable,
      writeZeroes: isWritable,
      fastZero: false,
      cache: definition.cache !== undefined,
      multiConn: definition.multiConn ?? true,
      rotational: definition.rotational ?? false,
      contexts: [baseAllocation],
    };
  }

  read(offset: Offset, target: Uint8Array, options: ReadOptions = {}): void | Promise<void> {
    const start = this.#enter(offset, target.length, options);
    if (target.length === 0) return undefined;
    return this.#run('read', options, () => this.#definition.read(start, target, options));
  }

  write(offset: Offset, source: Uint8Array, options: WriteOptions = {}): void | Promise<void> {
    const start = this.#enterChange(offset, source.length, options);
    if (source.length === 0) return undefined;
    return this.#run('write', options, () => this.#durable(options, this.#definition.write?.(start, source, options)));
  }

  flush(options: Abortable = {}): void | Promise<void> {
    this.#life.requireOpen();
    requireGoing(options);
    return this.#run('flush', options, () => this.#definition.flush?.(options));
  }

  trim(offset: Offset, length: Offset, options: WriteOptions = {}): void | Promise<void> {
    const start = this.#enterChange(offset, length, options);
    const { trim } = this.#definition;
    if (trim === undefined || Number(length) === 0) return undefined;
    const work = (): void | Promise<void> => trim.call(this.#definition, start, Number(length), options);
    return this.#run('trim', options, () => this.#durable(options, work()));
  }

  writeZeroes(offset: Offset, length: Offset, options: WriteZeroesOptions = {}): void | Promise<void> {
    const start = this.#enterChange(offset, length, options);
    if (Number(length) === 0) return undefined;
    const { writeZeroes } = this.#definition;
    if (writeZeroes === undefined && options.fastZero === true) {
      return Promise.reject(new CommandError('ENOTSUP', 'zeroing is not quicker than writing'));
    }
    const work = (): void | Promise<void> =>
      writeZeroes === undefined
        ? this.#zeroByWriting(start, Number(length), options)
        : writeZeroes.call(this.#definition, start, Number(length), options);
    return this.#run('writeZeroes', options, () => this.#durable(options, work()));
  }

  cache(offset: Offset, length: Offset, options: Abortable = {}): void | Promise<void> {
    const start = this.#enter(offset, length, options);
    return this.#run('cache', options, () => this.#definition.cache?.(start, Number(length), options));
  }

  async blockStatus(
    offset: Offset,
    length: Offset,
    options: BlockStatusOptions = {},
  ): Promise<readonly MetaContextExtents[]> {
    const start = this.#enter(offset, length, options);
    if (Number(length) === 0) throw new UsageError('ERR_NBD_EMPTY', 'block status of no bytes');
    if (options.contexts !== undefined && !options.contexts.includes(baseAllocation)) return [];
    const { blockStatus } = this.#definition;
    const told =
      blockStatus === undefined
        ? [{ length: Number(length), status: 0 }]
        : await this.#run('blockStatus', options, () =>
            blockStatus.call(this.#definition, start, Number(length), options),
          );
    return [{ context: baseAllocation, extents: extentsWithin(told, start, Number(length), options.one === true) }];
  }

  async close(): Promise<void> {
    if (this.#life.end()) await this.#definition.close?.();
  }

  /** Checks a call, and returns where it begins. */
  #enter(offset: Offset, length: Offset, options: Abortable): number {
    this.#life.requireOpen();
    requireGoing(options);
    const [start, end] = requireInside(this.geometry.size, offset, length);
    const block = BigInt(this.geometry.minimumBlockSize);
    if (start % block !== 0n || (end % block !== 0n && end !== this.geometry.size)) {
      const message = `bytes ${start} to ${end} of a device with blocks of ${block} bytes`;
      throw new UsageError('ERR_NBD_UNALIGNED', message);
    }
    return Number(start);
  }

  #enterChange(offset: Offset, length: Offset, options: Abortable): number {
    const start = this.#enter(offset, length, options);
    if (this.abilities.readOnly) throw new UsageError('ERR_NBD_READ_ONLY', 'the device is read-only');
    return start;
  }

  /** Calls the definition. Its errors become errors of this request, and never come synchronously. */
  #run<Result>(command: string, { signal }: Abortable, work: () => Result | Promise<Result>): Result | Promise<Result> {
    const fail = (error: unknown): never => {
      throw signal?.aborted === true && error === signal.reason ? error : requestError(command, error);
    };
    try {
      const result = work();
      return result instanceof Promise ? result.catch(fail) : result;
    } catch (error) {
      return Promise.reject(error).catch(fail);
    }
  }

  /** Waits for a change and, where the caller asks for it (`fua`), for the flush that follows. */
  #durable(options: WriteOptions, change: void | Promise<void>): void | Promise<void> {
    if (options.fua !== true || this.#definition.flush === undefined) return change;
    const flush = (): void | Promise<void> => this.#definition.flush?.(options);
    return change instanceof Promise ? change.then(flush) : flush();
  }

  async #zeroByWriting(start: number, length: number, options: WriteZeroesOptions): Promise<void> {
    this.#zeroes ??= new Uint8Array(Math.min(zeroPieceBytes, this.geometry.maximumBlockSize));
    for (let position = 0; position < length; ) {
      options.signal?.throwIfAborted();
      const piece = this.#zeroes.subarray(0, Math.min(this.#zeroes.length, length - position));
      // One flush at the end covers all pieces.
      await this.#definition.write?.(start + position, piece, { signal: options.signal });
      position += piece.length;
    }
  }
}

/** The pieces that a definition reports, as extents; the last one is cut at the end of the range. */
function extentsWithin(
  told: readonly DefinedExtent[],
  start: number,
  length: number,
  isOne: boolean,
): MetaContextExtents['extents'] {
  const end = start + length;
  let position = start;
  const extents = [];
  for (const { length: bytes, status } of isOne ? told.slice(0, 1) : told) {
    if (!Number.isSafeInteger(bytes) || bytes < 1) throw new CommandError('EIO', `blockStatus reported ${bytes} bytes`);
    if (position >= end) break;
    const kept = Math.min(bytes, end - position);
    extents.push({ offset: BigInt(position), length: BigInt(kept), status: BigInt(status) });
    position += kept;
  }
  if (extents.length === 0) throw new CommandError('EIO', 'blockStatus reported nothing');
  return extents;
}

function requestError(command: string, error: unknown): unknown {
  if (error instanceof NbdError) return error;
  return new CommandError(errnoOf(error), `${command} failed: ${error instanceof Error ? error.message : error}`, {
    cause: error,
  });
}
