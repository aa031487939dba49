/** Shares, sizes, spans of time, rates and patterns, as people write them. */
import type { LoadOptions } from '@nbdjs/load';
import { argumentError } from '../../errors/argument-error.ts';
import { parseSize } from '../../options/size.ts';

/** Returns the parser of a share: `70%`, `70` or `0%`. The result is between 0 and 1. */
export function parseShare(option: string): (text: string) => number {
  return (text) => {
    const percents = /^\d{1,3}(\.\d{1,6})?%?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
    if (percents >= 0 && percents <= 100) return percents / 100;
    throw argumentError(`${option}: '${text}' is not a share between 0% and 100%`);
  };
}

/** The shortest and the longest request, in bytes. */
export interface RequestSizes {
  readonly smallest: number;
  readonly largest: number;
}

const sizeMax = 32 * 2 ** 20;

/** Parses `4k`, or `4k-64k`. */
export function parseSizes(text: string): RequestSizes {
  const [from = '', to = from, ...rest] = text.split('-');
  if (rest.length > 0) throw argumentError(`--size: '${text}' is not a size such as 4k, or 4k-64k`);
  const [smallest, largest] = [Number(parseSize(from, '--size')), Number(parseSize(to, '--size'))];
  if (smallest < 1 || largest > sizeMax) throw argumentError(`--size: ${text} is not between 1 and 32M`);
  if (largest < smallest || largest % smallest !== 0) {
    throw argumentError(`--size: the larger size of '${text}' is no multiple of the smaller one`);
  }
  return { smallest, largest };
}

const spans: Readonly<Record<string, number>> = { ms: 1, '': 1000, s: 1000, m: 60_000, h: 3_600_000 };

const daysMs = 30 * 24 * 3_600_000;

/** Returns the parser of a span of time: `10s`, `500ms`, `2m`, `1h` or seconds. The result is in milliseconds, and at least `minMs`. */
export function parseDuration(option: string, minMs = 0): (text: string) => number {
  return (text) => {
    const match = /^(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h)?$/.exec(text);
    const ms = Number(match?.[1] ?? Number.NaN) * (spans[match?.[2] ?? ''] ?? Number.NaN);
    if (ms >= minMs && ms <= daysMs) return ms;
    if (ms < minMs) throw argumentError(`${option}: '${text}' is less than ${minMs}ms`);
    throw argumentError(`${option}: '${text}' is not a span of time such as 10s, 500ms or 2m`);
  };
}

/** Parses requests per second: `500`, `0.5`, `20k`. */
export function parseRate(text: string): number {
  const match = /^(\d{1,8}(?:\.\d{1,6})?)(k?)$/i.exec(text);
  const rate = Number(match?.[1] ?? Number.NaN) * (match?.[2] ? 1000 : 1);
  if (rate > 0 && rate <= 1e7) return rate;
  throw argumentError(`--rate: '${text}' is not a number of requests per second, such as 500 or 20k`);
}

/** Where requests go. */
export type Pattern = Pick<LoadOptions, 'pattern' | 'zipfExponent'>;

/** Parses `random`, `sequential`, `zipf` or `zipf:1.2`. */
export function parsePattern(text: string): Pattern {
  if (text === 'random' || text === 'sequential' || text === 'zipf') return { pattern: text };
  const exponent = /^zipf:(\d{1,2}(?:\.\d{1,6})?)$/.exec(text)?.[1];
  if (exponent !== undefined && Number(exponent) > 0 && Number(exponent) <= 10) {
    return { pattern: 'zipf', zipfExponent: Number(exponent) };
  }
  throw argumentError(`--pattern: '${text}' is not random, sequential, zipf or zipf:EXPONENT (above 0, at most 10)`);
}
