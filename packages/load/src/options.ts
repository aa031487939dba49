/** The options of a load. */
import { defineOptions, type OptionCheck, type OptionsOf, option } from '@nbdjs/kit';
import type { LoadProgress } from './measuring/report.ts';

const kibi = 1024;
const mebi = 1024 * kibi;

const share: OptionCheck = {
  expected: 'a number from 0 to 1',
  holds: (value) => typeof value === 'number' && value >= 0 && value <= 1,
};

const exponent: OptionCheck = {
  expected: 'a number above 0, at most 10',
  holds: (value) => typeof value === 'number' && value > 0 && value <= 10,
};

const rate: OptionCheck = {
  expected: 'a number from 0 on, at most 10000000',
  holds: (value) => typeof value === 'number' && value >= 0 && value <= 1e7,
};

const amount: OptionCheck = {
  expected: 'a whole number of bytes from 0 on, as a number or a bigint',
  holds: (value) => (typeof value === 'bigint' ? value >= 0n : Number.isSafeInteger(value) && Number(value) >= 0),
};

/** The options of a load as data: defaults, units, checks and texts. */
export const loadOptions = defineOptions({
  /** Where requests go: one behind the other, anywhere, or few places often and most seldom. @default 'random' */
  pattern: option.oneOf(['sequential', 'random', 'zipf'], {
    default: 'random',
    doc: 'Where requests go: one behind the other, anywhere, or few places often and most seldom.',
  }),
  /** Of the pattern `zipf`: the place of rank k is used as often as 1 / k^exponent says. @default 1.1 */
  zipfExponent: option.checked<number>(exponent, {
    default: 1.1,
    doc: 'Of the pattern `zipf`: the place of rank k is used as often as 1 / k^exponent says.',
  }),
  /** The share of reads among the requests, from 0 to 1. What the three shares leave is writes. @default 1: nothing is changed */
  readShare: option.checked<number>(share, {
    default: 1,
    defaultText: '1: nothing is changed',
    doc: 'The share of reads among the requests. What the three shares leave is writes.',
  }),
  /** The share of trims, from 0 to 1. @default 0 */
  trimShare: option.checked<number>(share, { default: 0, doc: 'The share of trims.' }),
  /** The share of requests that zero a range, from 0 to 1. @default 0 */
  zeroShare: option.checked<number>(share, { default: 0, doc: 'The share of requests that zero a range.' }),
  /** Length of a request, in bytes. Requests begin at multiples of it, from the start of the range. @default 4096 */
  requestSize: option.bytes({
    default: 4 * kibi,
    most: 32 * mebi,
    doc: 'Length of a request. Requests begin at multiples of it, from the start of the range.',
  }),
  /**
   * Lengths are mixed from `requestSize` up to this, in steps of `requestSize`, each as often as any other. In bytes.
   *
   * @default all have the length `requestSize`
   */
  requestSizeMax: option.bytes({
    most: 32 * mebi,
    defaultText: 'all have the length `requestSize`',
    doc: 'Lengths are mixed from `requestSize` up to this, in steps of `requestSize`, each as often as any other.',
  }),
  /** Requests in flight at a time. @default 32 */
  depth: option.count({ default: 32, most: 65_536, doc: 'Requests in flight at a time.' }),
  /** Requests are made and not measured for so long, before the measuring begins. In milliseconds. @default 0 */
  warmUpMs: option.milliseconds({
    default: 0,
    zero: 'no warming up',
    doc: 'Requests are made and not measured for so long, before the measuring begins.',
  }),
  /** How long the load lasts, after warming up. In milliseconds. @default 10000, or no limit where one of the others is given */
  durationMs: option.milliseconds({
    defaultText: '10000, or no limit where one of the others is given',
    doc: 'How long the load lasts, after warming up.',
  }),
  /** Ends the load after so many requests, flushes not counted. @default no limit */
  requests: option.count({
    defaultText: 'no limit',
    doc: 'Ends the load after so many requests, flushes not counted.',
  }),
  /** Ends the load after so many bytes. @default no limit */
  bytes: option.bytes({ defaultText: 'no limit', doc: 'Ends the load after so many bytes.' }),
  /**
   * Requests are begun at this rate per second, however long the answers take; latencies count from the moment at which a request had to
   * begin, and not from when there was room for it.
   *
   * @default 0: the next request begins when one has ended
   */
  requestsPerSecond: option.checked<number>(rate, {
    default: 0,
    defaultText: '0: the next request begins when one has ended',
    doc: 'Requests are begun at this rate, however long the answers take; latencies count from the moment at which a request had to begin.',
  }),
  /** First byte of the range that is used. @default 0 */
  offset: option.checked<number | bigint>(amount, { default: 0, doc: 'First byte of the range that is used.' }),
  /** Length of the range that is used, in bytes; what reaches past the end of the device is cut off. @default up to the end */
  length: option.checked<number | bigint>(amount, {
    defaultText: 'up to the end',
    doc: 'Length of the range that is used; what reaches past the end of the device is cut off.',
  }),
  /** A flush after so many writes. @default 0: never */
  flushEvery: option.count({ default: 0, zero: 'never', doc: 'A flush after so many writes.' }),
  /** Writes settle only when they are on stable storage. @default false */
  fua: option.boolean({ default: false, doc: 'Writes settle only when they are on stable storage.' }),
  /** The same seed makes the same requests, in the same order. A whole number. @default 1 */
  seed: option.count({
    default: 1,
    zero: 'a seed like any other',
    most: 2 ** 32 - 1,
    doc: 'The same seed makes the same requests, in the same order.',
  }),
  /**
   * Each block that is written carries seed, place and number of its write, and what is read of such blocks is checked; at the end all of them
   * are read once more. The first difference ends the load.
   *
   * @default false
   */
  verify: option.boolean({
    default: false,
    doc: 'Each block that is written carries seed, place and number of its write, and what is read of such blocks is checked.',
  }),
  /** How long requests in flight are waited for at the end. In milliseconds. @default 5000 */
  drainMs: option.milliseconds({
    default: 5000,
    zero: 'not at all',
    doc: 'How long requests in flight are waited for at the end.',
  }),
  /** Called with what was measured so far, from time to time. */
  onProgress: option.callback<(progress: LoadProgress) => void>({
    doc: 'Called with what was measured so far, from time to time.',
  }),
  /** How often `onProgress` is called. In milliseconds. @default 1000 */
  progressMs: option.milliseconds({ default: 1000, doc: 'How often `onProgress` is called.' }),
  /** Ends the load; the report says what was measured until then. */
  signal: option.signal({ doc: 'Ends the load; the report says what was measured until then.' }),
});

/** What the load is. */
export interface LoadOptions extends OptionsOf<typeof loadOptions> {}
