/** Sizes as people write them: `512`, `64k`, `1M`, `4KiB`. */
import { UsageError } from '@nbdjs/interfaces';

const factors: Readonly<Record<string, bigint>> = {
  '': 1n,
  b: 1n,
  k: 1n << 10n,
  m: 1n << 20n,
  g: 1n << 30n,
  t: 1n << 40n,
  p: 1n << 50n,
  e: 1n << 60n,
  /** Sectors. */
  s: 512n,
};

/** Reads a size in bytes; the unit's letter counts in powers of 1024. `option` is named when it is wrong. */
export function parseSize(text: string, option: string): bigint {
  const match = /^(\d+)([bkmgtpes]?)(?:i?b)?$/i.exec(text.trim());
  const factor = factors[match?.[2]?.toLowerCase() ?? '?'];
  if (match?.[1] === undefined || factor === undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${option}: '${text}' is not a size such as 512, 64k or 1M`);
  }
  return BigInt(match[1]) * factor;
}

/** Reads a size that has to be a power of two between two bounds; 0 is let through when `zero` says so. */
export function parsePowerOfTwo(text: string, option: string, from: number, to: number, zero = false): number {
  const size = Number(parseSize(text, option));
  if (zero && size === 0) return 0;
  if (size < from || size > to || !Number.isInteger(Math.log2(size))) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${option}: ${text} is not a power of two between ${from} and ${to}`);
  }
  return size;
}

/** Reads a whole number between two bounds. */
export function parseCount(text: string, option: string, from: number, to: number): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= from && count <= to)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${option}: '${text}' is not a number between ${from} and ${to}`);
  }
  return count;
}
