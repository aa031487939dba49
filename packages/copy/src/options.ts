/** The options of a copy. Their meanings are those of nbdcopy. */
import type { BlockDevice, Defer } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import type { CheckpointOptions } from './checkpoint/checkpoints.ts';
import type { DifferingRange } from './comparison/differences.ts';
import type { CopyProgress, MapFailure } from './report.ts';

const kibi = 1024;
const mebi = 1024 * kibi;
const requestSizeMax = 32 * mebi;

/** The options of all that reads a device. */
export const readingOptions = defineOptions({
  /**
   * Requests in flight at most for each pair of handles. A copy finds out by itself how many of them keep both sides busy.
   *
   * @default 1024
   */
  requests: option.count({
    default: 1024,
    doc: 'Requests in flight at most for each pair of handles. A copy finds out by itself how many of them keep both sides busy.',
  }),
  /**
   * Length of one read, in bytes: a power of two from 4 KiB to 32 MiB. Raised to either side's preferred and smallest block size,
   * and lowered to what both sides take in one piece.
   *
   * @default 262144
   */
  requestSize: option.powerOfTwoBytes({
    default: 256 * kibi,
    least: 4 * kibi,
    most: requestSizeMax,
    doc: "Length of one read. Raised to either side's preferred and smallest block size, and lowered to what both sides take in one piece.",
  }),
  /**
   * Bytes in flight at most for each pair of handles, or held in memory; raised to one request. Half as much would leave a server
   * idle that is 50 ms away and delivers 1 GB/s.
   *
   * @default 64 MiB
   */
  queueBytesMax: option.bytes({
    default: 64 * mebi,
    doc: 'Bytes in flight at most for each pair of handles, or held in memory; raised to one request.',
  }),
  /** Ask the source which parts of it are zero. @default true */
  extents: option.boolean({ default: true, doc: 'Ask the source which parts of it are zero.' }),
  /** One request at a time, in order. @default false */
  synchronous: option.boolean({ default: false, doc: 'One request at a time, in order.' }),
  /**
   * The event loop's next turn (`setImmediate`). With it, a copy between devices that answer at once gives other work on its
   * thread a turn from time to time.
   *
   * @default none
   */
  nextTurn: option.callback<Defer>({
    doc: "The event loop's next turn, so that other work on the thread has a turn too.",
  }),
  /** Stops the copy: nothing new begins, and when the requests in flight have ended, the signal's reason is thrown. */
  signal: option.signal({ doc: 'Stops the copy when the requests in flight have ended.' }),
  /** Called whenever something is done. */
  onProgress: option.callback<(progress: CopyProgress) => void>({ doc: 'Called whenever something is done.' }),
  /** Called when a device fails to report which of its parts are zero. They are read then, and the copy goes on. */
  onMapFailure: option.callback<(failure: MapFailure) => void>({
    doc: 'Called when a device fails to report which of its parts are zero. They are read then, and the copy goes on.',
  }),
});

/** The options of a comparison as data: defaults, units, checks and texts. */
export const comparisonOptions = defineOptions({
  ...readingOptions.definitions,
  /** The shorter device counts as continued with zeroes, as `qemu-img compare` has it. @default false */
  zeroTail: option.boolean({ default: false, doc: 'The shorter device counts as continued with zeroes.' }),
  /**
   * Called for each part that differs, in ascending order. The comparison then goes on after the first difference, and waits for the answer.
   *
   * @default the comparison ends at the first difference
   */
  onDifference: option.callback<(range: DifferingRange) => void | Promise<void>>({
    defaultText: 'the comparison ends at the first difference',
    doc: 'Called for each part that differs, in ascending order.',
  }),
  /** Differences with fewer equal bytes between them than this are one part. From 512 on. @default 4096 */
  gapBytes: option.bytes({
    default: 4 * kibi,
    least: 512,
    most: requestSizeMax,
    doc: 'Differences with fewer equal bytes between them than this are one part.',
  }),
});

/** The options of a copy as data: defaults, units, checks and texts. */
export const copyOptions = defineOptions({
  ...readingOptions.definitions,
  /**
   * Zeroes are looked for in blocks of this many bytes: a power of two from 512 on, or 0 for not at all.
   *
   * @default 4096, but less than 64 KiB of zeroes between data is written along where zeroing it would take a request
   */
  sparseSize: option.powerOfTwoBytes({
    least: 512,
    zero: 'not at all',
    defaultText:
      '4096, but less than 64 KiB of zeroes between data is written along where zeroing it would take a request',
    doc: 'Zeroes are looked for in blocks of this length.',
  }),
  /** Leave no holes in the target. @default false */
  allocated: option.boolean({ default: false, doc: 'Leave no holes in the target.' }),
  /** The target reads as zeroes already, so that zeroes need not be written. @default false */
  targetIsZero: option.boolean({
    default: false,
    doc: 'The target reads as zeroes already, so that zeroes need not be written.',
  }),
  /** Flush the target at the end, if it can. @default false */
  flush: option.boolean({ default: false, doc: 'Flush the target at the end, if it can.' }),
  /**
   * Only for copies from a stream: the target grows with it. Called before anything is written behind its end, with the size in bytes
   * that it is to have, and at the end.
   *
   * @default the target keeps its size
   */
  grow: option.callback<(size: bigint) => void | Promise<void>>({
    defaultText: 'the target keeps its size',
    doc: 'Makes the target longer, for copies from a stream.',
  }),
  /**
   * Copy only what this metadata context of the source marks with any status but 0, such as `qemu:dirty-bitmap:NAME`, into a target that
   * holds an earlier copy. The rest of the target is left as it is, and no part of it counts as zero. Not together with a checkpoint.
   *
   * @default all is copied
   */
  changed: option.text({
    defaultText: 'all is copied',
    doc: 'Copy only what this metadata context of the source marks with any status but 0.',
  }),
  /** Saves from time to time how far the copy has come, so that it can be resumed. */
  checkpoint: option.object<CheckpointOptions>({
    doc: 'Saves from time to time how far the copy has come, so that it can be resumed.',
  }),
});

/** What a comparison and a copy have in common. */
export interface ReadingOptions extends OptionsOf<typeof readingOptions> {}

/** How to compare. */
export interface CompareOptions extends OptionsOf<typeof comparisonOptions> {}

/** How to copy. */
export interface CopyOptions extends OptionsOf<typeof copyOptions> {}

/** The options with their defaults, for a given source and target. */
export interface CopySettings {
  readonly requestSize: number;
  /** Requests in flight at most for one pair of handles. */
  readonly requests: number;
  readonly sparseSize: number;
  /** Runs of zeroes between data that are shorter than this are written along with it, in bytes. */
  readonly joinBytes: number;
  readonly extents: boolean;
  readonly allocated: boolean;
  readonly targetIsZero: boolean;
  readonly flush: boolean;
  /** The metadata context that marks what is copied; `undefined` for all. */
  readonly changed: string | undefined;
  readonly nextTurn: Defer | undefined;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: CopyProgress) => void) | undefined;
  readonly onMapFailure: ((failure: MapFailure) => void) | undefined;
}

/**
 * Zeroes between data that are fewer than this are written along with it, where zeroing them would take a request: they would
 * hardly free a cluster of the target.
 */
export const shortBytes = 64 * kibi;

const sparseSizeDefault = 4 * kibi;

/** @throws UsageError naming the option that is unknown, of the wrong kind, or out of bounds. */
export function resolveOptions(options: CopyOptions, devices: readonly Pick<BlockDevice, 'geometry'>[]): CopySettings {
  const given = copyOptions.resolve('copy', options);
  const { sparseSize = sparseSizeDefault, allocated, queueBytesMax } = given;
  const geometries = devices.map(({ geometry }) => geometry);
  const requestSize = requestSizeFor(given.requestSize, geometries);
  const targetPreferred = Math.min(geometries.at(-1)?.preferredBlockSize ?? 0, requestSize);
  const targetIsZero = given.targetIsZero && !allocated && given.changed === undefined;
  const requests = Math.min(given.requests, Math.floor(Math.max(queueBytesMax, requestSize) / requestSize));
  return {
    requestSize,
    requests: given.synchronous ? 1 : requests,
    // Smaller pieces than the target prefers would only make work for it.
    sparseSize: sparseSize === 0 ? 0 : Math.min(Math.max(sparseSize, powerOfTwoWithin(targetPreferred)), requestSize),
    // With a block size given by the caller, every run of zeroes of that length has to be found.
    joinBytes: given.sparseSize === undefined && !targetIsZero ? shortBytes : 0,
    extents: given.extents,
    allocated,
    targetIsZero,
    flush: given.flush,
    changed: given.changed,
    nextTurn: given.nextTurn,
    signal: given.signal,
    onProgress: given.onProgress,
    onMapFailure: given.onMapFailure,
  };
}

function requestSizeFor(wanted: number, geometries: readonly BlockDevice['geometry'][]): number {
  const preferred = Math.max(...geometries.map(({ preferredBlockSize }) => preferredBlockSize));
  const maximum = Math.min(...geometries.map(({ maximumBlockSize }) => maximumBlockSize));
  // Parts of blocks would be read and written by way of the whole ones.
  const minimum = Math.max(...geometries.map(({ minimumBlockSize }) => minimumBlockSize));
  const least = Math.min(Math.max(preferred, minimum), requestSizeMax);
  return Math.min(Math.max(wanted, least), powerOfTwoWithin(maximum));
}

function powerOfTwoWithin(value: number): number {
  return value < 1 ? 1 : 2 ** Math.floor(Math.log2(value));
}
