/** How to copy. The names are ours; the meanings are nbdcopy's. */
import { type BlockDevice, type CommandError, type Defer, UsageError } from '@nbdjs/interfaces';
import { checkOptions, type OptionChecks, optionChecks } from '@nbdjs/kit';
import type { CheckpointOptions } from './checkpoints.ts';

const { boolean, callback, number, object, signal } = optionChecks;

export interface CopyOptions {
  /**
   * Requests in flight at most for each pair of handles. A copy finds out by itself how many of them it takes to keep both
   * sides busy. @default 1024
   */
  readonly requests?: number | undefined;
  /**
   * Length of one read, in bytes: a power of two from 4 KiB to 32 MiB. Raised to either side's preferred and smallest block size, and
   * lowered to what both sides take in one piece. @default 262144
   */
  readonly requestSize?: number | undefined;
  /**
   * Bytes that may be in flight at most for each pair of handles, or be held in memory; raised to one request. Half as much
   * would leave a server idle that is 50 ms away and brings 1 GB/s. @default 64 MiB
   */
  readonly queueBytesMax?: number | undefined;
  /**
   * Zeroes are looked for in blocks of this many bytes: a power of two from 512 on, or 0 for not at all.
   * @default 4096, but what is less than 64 KiB between data is written along where zeroing it would take a request
   */
  readonly sparseSize?: number | undefined;
  /** Ask the source which parts of it are zero. @default true */
  readonly extents?: boolean | undefined;
  /** Leave no holes in the target. @default false */
  readonly allocated?: boolean | undefined;
  /** The target reads as zeroes already, so that zeroes need not be written. @default false */
  readonly targetIsZero?: boolean | undefined;
  /** Flush the target at the end, if it can. @default false */
  readonly flush?: boolean | undefined;
  /** One request at a time, in order. @default false */
  readonly synchronous?: boolean | undefined;
  /**
   * Of copies from a stream: the target grows with it. Called before anything is written behind its end, with the size in bytes
   * that it is to have, and at the end. @default the target is as long as it is
   */
  readonly grow?: ((size: bigint) => void | Promise<void>) | undefined;
  /** Tells now and then how far the copy has come, so that it can be resumed. */
  readonly checkpoint?: CheckpointOptions | undefined;
  /**
   * The event loop's next turn (`setImmediate`). With it, a copy between devices that answer at once lets others on its
   * thread have a turn now and then. @default none
   */
  readonly nextTurn?: Defer | undefined;
  /** Stops the copy: nothing new begins, and when what is under way has ended, the signal's reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Called whenever something is done. */
  readonly onProgress?: ((progress: CopyProgress) => void) | undefined;
  /** Told when a device fails to tell which of its parts are zero. Those are read then, and the copy goes on. */
  readonly onMapFailure?: ((failure: MapFailure) => void) | undefined;
}

/** A part of a device that it has failed to tell of, in bytes. */
export interface MapFailure {
  readonly side: 'source' | 'target';
  readonly offset: bigint;
  readonly length: bigint;
  readonly error: CommandError;
}

/** How to compare; the same as in a copy. */
export type CompareOptions = Pick<
  CopyOptions,
  | 'requests'
  | 'requestSize'
  | 'queueBytesMax'
  | 'extents'
  | 'synchronous'
  | 'nextTurn'
  | 'signal'
  | 'onProgress'
  | 'onMapFailure'
>;

export interface CompareReport {
  /** The first byte that differs, or that the target does not have; absent when all are equal. */
  readonly differsAt: bigint | undefined;
  readonly totalBytes: bigint;
  /** Bytes that were read and looked at; the others both sides reported as zeroes. */
  readonly comparedBytes: bigint;
}

export interface CopyProgress {
  /** Bytes of the source that are dealt with: written, zeroed or skipped. */
  readonly doneBytes: bigint;
  /** Absent while the source is a stream of unknown length. */
  readonly totalBytes?: bigint | undefined;
}

/** What a copy did, in bytes and requests. */
export interface CopyReport {
  readonly totalBytes: bigint;
  readonly readBytes: bigint;
  readonly writtenBytes: bigint;
  /** Zeroed in the target without sending the zeroes. */
  readonly zeroedBytes: bigint;
  /** Left alone, because the target was zero there already. */
  readonly skippedBytes: bigint;
}

/** Options with nothing left open, for a given source and target. */
export interface CopySettings {
  readonly requestSize: number;
  /** Requests in flight at most for one pair of handles. */
  readonly lanes: number;
  readonly sparseSize: number;
  /** Runs of zeroes between data that are shorter than this are written along with it, in bytes. */
  readonly joinBytes: number;
  readonly extents: boolean;
  readonly allocated: boolean;
  readonly targetIsZero: boolean;
  readonly flush: boolean;
  readonly nextTurn: Defer | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: CopyProgress) => void) | undefined;
  readonly onMapFailure: ((failure: MapFailure) => void) | undefined;
}

/**
 * Zeroes between data that are fewer than this go with the data, where zeroing them would take a request: they would hardly
 * free a cluster of the target.
 */
export const shortBytes = 64 * 1024;

const kibi = 1024;
const mebi = 1024 * kibi;

const ofCopy: OptionChecks<CopyOptions> = {
  allocated: boolean,
  checkpoint: object,
  extents: boolean,
  flush: boolean,
  grow: callback,
  nextTurn: callback,
  onMapFailure: callback,
  onProgress: callback,
  queueBytesMax: number,
  requestSize: number,
  requests: number,
  signal,
  sparseSize: number,
  synchronous: boolean,
  targetIsZero: boolean,
};

/** @throws UsageError naming the option that is unknown, of the wrong kind, or out of bounds. */
export function settle(options: CopyOptions, devices: readonly Pick<BlockDevice, 'geometry'>[]): CopySettings {
  checkOptions('copy', options, ofCopy);
  const { requests = 1024, requestSize = 256 * kibi, queueBytesMax = 64 * mebi, sparseSize = 4 * kibi } = options;
  if (!Number.isInteger(requests) || requests < 1) throw bad('requests', requests, 'at least 1');
  if (!isPowerOfTwo(requestSize) || requestSize < 4 * kibi || requestSize > 32 * mebi) {
    throw bad('requestSize', requestSize, 'a power of two from 4096 to 33554432');
  }
  if (!Number.isInteger(queueBytesMax) || queueBytesMax < 1) throw bad('queueBytesMax', queueBytesMax, 'at least 1');
  if (sparseSize !== 0 && (!isPowerOfTwo(sparseSize) || sparseSize < 512)) {
    throw bad('sparseSize', sparseSize, '0 or a power of two from 512 on');
  }
  const geometries = devices.map(({ geometry }) => geometry);
  const preferred = Math.max(...geometries.map(({ preferredBlockSize }) => preferredBlockSize));
  const maximum = Math.min(...geometries.map(({ maximumBlockSize }) => maximumBlockSize));
  // Parts of blocks would be read and written by way of the whole ones.
  const minimum = Math.max(...geometries.map(({ minimumBlockSize }) => minimumBlockSize));
  const least = Math.min(Math.max(preferred, minimum), 32 * mebi);
  const size = Math.min(Math.max(requestSize, least), powerOfTwoWithin(maximum));
  const targetPreferred = Math.min(geometries.at(-1)?.preferredBlockSize ?? 0, size);
  const targetIsZero = (options.targetIsZero ?? false) && options.allocated !== true;
  const lanes = Math.min(requests, Math.floor(Math.max(queueBytesMax, size) / size));
  return {
    requestSize: size,
    lanes: options.synchronous === true ? 1 : lanes,
    // Smaller pieces than the target prefers would only make work for it.
    sparseSize: sparseSize === 0 ? 0 : Math.min(Math.max(sparseSize, powerOfTwoWithin(targetPreferred)), size),
    // Somebody who names a size wants zeroes found that are as few.
    joinBytes: options.sparseSize === undefined && !targetIsZero ? shortBytes : 0,
    extents: options.extents ?? true,
    allocated: options.allocated ?? false,
    targetIsZero,
    flush: options.flush ?? false,
    nextTurn: options.nextTurn,
    signal: options.signal,
    onProgress: options.onProgress,
    onMapFailure: options.onMapFailure,
  };
}

function powerOfTwoWithin(value: number): number {
  return value < 1 ? 1 : 2 ** Math.floor(Math.log2(value));
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(value) && value > 0 && Number.isInteger(Math.log2(value));
}

function bad(option: string, value: number, expected: string): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', `${option} is ${value}, expected ${expected}`);
}
