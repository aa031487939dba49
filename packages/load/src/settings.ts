/** The options with their defaults, for a given device. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import type { SettingsOf } from '@nbdjs/kit';
import { type LoadOptions, loadOptions } from './options.ts';

/** How long a load lasts where nothing says when it ends, in milliseconds. */
const durationMsDefault = 10_000;

/** Memory of all requests that may be in flight, in bytes. */
const memoryBytesMax = 2 ** 30;

/** Each block whose content is known takes four bytes of memory. */
const verifiedBlocksMax = 2 ** 26;

type Settled = Omit<SettingsOf<typeof loadOptions>, 'offset' | 'length' | 'requestSize' | 'requestSizeMax' | 'bytes'>;

/** Positions are exact numbers: a range ends below 2^53. */
export interface LoadSettings extends Settled {
  /** First byte of the range. */
  readonly offset: number;
  /** Length of the range: a multiple of `smallest`. */
  readonly length: number;
  /** The shortest request, in bytes. */
  readonly smallest: number;
  /** The longest request, in bytes: a multiple of `smallest`. */
  readonly largest: number;
  /** `Infinity` for no limit. */
  readonly endMs: number;
  readonly requestsMax: number;
  readonly bytesMax: number;
}

/** @throws UsageError for options that contradict each other or do not fit the device. */
export function resolveLoad(device: BlockDevice, options: LoadOptions): LoadSettings {
  const settled = loadOptions.resolve('runLoad', options);
  const { requestSize: smallest, requestSizeMax: largest = smallest, requests, bytes, durationMs } = settled;
  const isEnding = requests !== undefined || bytes !== undefined;
  const settings: LoadSettings = {
    ...settled,
    smallest,
    largest,
    ...rangeOf(device, settled.offset, settled.length, smallest),
    endMs: durationMs ?? (isEnding ? Number.POSITIVE_INFINITY : durationMsDefault),
    requestsMax: requests ?? Number.POSITIVE_INFINITY,
    bytesMax: bytes ?? Number.POSITIVE_INFINITY,
  };
  requireSizes(device, settings);
  requireShares(device, settings);
  return settings;
}

function rangeOf(
  { geometry }: BlockDevice,
  from: number | bigint,
  given: number | bigint | undefined,
  unit: number,
): { readonly offset: number; readonly length: number } {
  const offset = BigInt(from);
  const left = geometry.size - offset;
  if (left < 0n) {
    throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `runLoad: offset ${offset} lies behind the end at ${geometry.size}`);
  }
  const wanted = given === undefined || BigInt(given) > left ? left : BigInt(given);
  const length = wanted - (wanted % BigInt(unit));
  if (offset + length > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new UsageError('ERR_NBD_TOO_LONG', `runLoad: the range ends behind 2^53; give a length below that`);
  }
  return { offset: Number(offset), length: Number(length) };
}

function requireSizes({ geometry }: BlockDevice, settings: LoadSettings): void {
  const { smallest, largest, offset, length, depth, verify } = settings;
  const { minimumBlockSize } = geometry;
  if (largest % smallest !== 0) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `runLoad: requestSizeMax ${largest} is no multiple of requestSize ${smallest}`,
    );
  }
  for (const [name, value] of Object.entries({ requestSize: smallest, offset })) {
    if (value % minimumBlockSize === 0) continue;
    const message = `runLoad: ${name} ${value} is no multiple of the device's blocks of ${minimumBlockSize} bytes`;
    throw new UsageError('ERR_NBD_UNALIGNED', message);
  }
  if (length < largest) {
    throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', `runLoad: the range has ${length} bytes, and a request ${largest}`);
  }
  if (depth * largest > memoryBytesMax) {
    const message = `runLoad: ${depth} requests of ${largest} bytes in flight take more than 1 GiB of memory`;
    throw new UsageError('ERR_NBD_TOO_LONG', message);
  }
  if (verify) requireVerifiable(settings);
}

function requireVerifiable({ smallest, length }: LoadSettings): void {
  if (smallest < 512 || smallest % 8 !== 0) {
    const message = `runLoad: verify needs a requestSize from 512 on that is a multiple of 8, not ${smallest}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (length / smallest <= verifiedBlocksMax) return;
  const most = verifiedBlocksMax * smallest;
  const message = `runLoad: verify remembers ${verifiedBlocksMax} blocks of ${smallest} bytes; give a length of at most ${most}`;
  throw new UsageError('ERR_NBD_TOO_LONG', message);
}

function requireShares({ abilities }: BlockDevice, settings: LoadSettings): void {
  const { readShare, trimShare, zeroShare, flushEvery, fua } = settings;
  const isChanging = readShare < 1;
  // Shares of percents add up to a little more than 1 at times.
  if (readShare + trimShare + zeroShare > 1 + 1e-9) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'runLoad: the shares of reads, trims and zeroes are more than the whole');
  }
  if (isChanging && abilities.readOnly) {
    throw new UsageError('ERR_NBD_READ_ONLY', 'runLoad: the device is read-only, and not all requests are reads');
  }
  const missing = Object.entries({
    trim: trimShare > 0 && !abilities.trim,
    writeZeroes: zeroShare > 0 && !abilities.writeZeroes,
    flush: flushEvery > 0 && !abilities.flush,
    fua: fua && !abilities.fua,
  }).find(([, isMissing]) => isMissing);
  if (missing !== undefined) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `runLoad: the device does not offer ${missing[0]}`);
  }
}
