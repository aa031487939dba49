/** Numbers and sizes as people write them: `512`, `64k`, `1M`, `4KiB`. */
import { argumentError } from '../errors/argument-error.ts';

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

/** Returns a size in bytes; units are powers of 1024. `option` is what the error message names. */
export function parseSize(text: string, option: string): bigint {
  const match = /^(\d+)([bkmgtpes]?)(?:i?b)?$/i.exec(text.trim());
  const factor = factors[match?.[2]?.toLowerCase() ?? '?'];
  if (match?.[1] === undefined || factor === undefined) {
    throw argumentError(`${option}: '${text}' is not a size such as 512, 64k or 1M`);
  }
  return BigInt(match[1]) * factor;
}

/** Returns a whole number between two bounds. */
export function parseCount(text: string, option: string, from: number, to: number): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= from && count <= to)) {
    throw argumentError(`${option}: '${text}' is not a number between ${from} and ${to}`);
  }
  return count;
}

/** Makes the parser of an option whose value is a size. */
export function size(option: string): (text: string) => bigint {
  return (text) => parseSize(text, option);
}

/** The same for a size between two bounds. */
export function sizeBetween(option: string, from: number, to: number): (text: string) => number {
  return (text) => {
    const value = Number(parseSize(text, option));
    if (value >= from && value <= to) return value;
    throw argumentError(`${option}: ${text} is not between ${from} and ${to}`);
  };
}

/** The same for a power of two between two bounds; `zero` allows 0 as well. */
export function powerOfTwo(option: string, from: number, to: number, zero = false): (text: string) => number {
  return (text) => {
    const value = Number(parseSize(text, option));
    if (zero && value === 0) return 0;
    if (value >= from && value <= to && Number.isInteger(Math.log2(value))) return value;
    throw argumentError(`${option}: ${text} is not a power of two between ${from} and ${to}`);
  };
}

/** Makes the parser of an option whose value is a whole number between two bounds. */
export function count(option: string, from: number, to: number): (text: string) => number {
  return (text) => parseCount(text, option, from, to);
}

/** Makes the parser of an option whose value is a number of seconds, not always a whole one, between two bounds. */
export function parseSeconds(option: string, from: number, to: number): (text: string) => number {
  return (text) => {
    const seconds = /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : Number.NaN;
    if (seconds >= from && seconds <= to) return seconds;
    throw argumentError(`${option}: '${text}' is not a number of seconds between ${from} and ${to}`);
  };
}

/** The parser of an option that may be given more than once. */
export function gather(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
