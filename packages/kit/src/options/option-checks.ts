/**
 * Checks of options at run time, for callers without a compiler: an option that is misspelt or of the wrong type would
 * otherwise be ignored, or fail far from the call.
 */
import { UsageError } from '@nbdjs/interfaces';
import { describeValue } from '../errors/describe-value.ts';
import { nearestName } from './nearest-name.ts';

/** The check of one option. `expected` completes the sentence "expected ...". */
export interface OptionCheck {
  /** Completes the sentence "expected ...". */
  readonly expected: string;
  /** Returns whether a value passes. */
  holds(value: unknown): boolean;
}

/** One check for each member of an options type, so that a new option without a check does not compile. */
export type OptionChecks<Options> = { readonly [Name in keyof Required<Options>]: OptionCheck };

const isNumber = (value: unknown): value is number => typeof value === 'number';

/** Arrays do not count: an object of options is never an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The common checks. */
export const optionChecks = {
  /** Milliseconds, without `Infinity`. */
  milliseconds: {
    expected: 'a number of milliseconds from 0 on',
    holds: (value: unknown) => isNumber(value) && Number.isFinite(value) && value >= 0,
  },
  /** For numbers whose bounds are checked elsewhere. */
  number: { expected: 'a number', holds: isNumber },
  /** A string. */
  text: { expected: 'a string', holds: (value: unknown) => typeof value === 'string' },
  /** `true` or `false`. */
  boolean: { expected: 'true or false', holds: (value: unknown) => typeof value === 'boolean' },
  /** A function. */
  callback: { expected: 'a function', holds: (value: unknown) => typeof value === 'function' },
  /** Any object that is not an array. A separate function: declarations of other packages cannot name `isObject`. */
  object: { expected: 'an object', holds: (value: unknown) => isObject(value) },
  /** An array of strings. */
  texts: {
    expected: 'an array of strings',
    holds: (value: unknown) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  },
  /** A `URL` object. */
  url: { expected: 'a URL object', holds: (value: unknown) => isObject(value) && typeof value.href === 'string' },
  /** An `AbortSignal`. */
  signal: {
    expected: 'an AbortSignal',
    holds: (value: unknown) => isObject(value) && typeof value.throwIfAborted === 'function',
  },
  /** A position or a length, as a number or a bigint. */
  bytes: {
    expected: 'a whole number of bytes from 0 on, as a number or a bigint',
    holds: (value: unknown) =>
      typeof value === 'bigint' ? value >= 0n : Number.isSafeInteger(value) && Number(value) >= 0,
  },
  /** A whole number that is not below `least`. */
  wholeFrom: (least: number): OptionCheck => ({
    expected: `a whole number from ${least} on`,
    holds: (value) => isNumber(value) && Number.isSafeInteger(value) && value >= least,
  }),
  /** One of some words. */
  oneOf: (...words: readonly string[]): OptionCheck => ({
    expected: words.map((word) => `'${word}'`).join(' or '),
    holds: (value) => words.some((word) => word === value),
  }),
  /** What passes one of two checks. */
  either: (one: OptionCheck, other: OptionCheck): OptionCheck => ({
    expected: `${one.expected}, or ${other.expected}`,
    holds: (value) => one.holds(value) || other.holds(value),
  }),
} as const;

/**
 * Checks options; those that are `undefined` count as not given.
 *
 * @param caller the public function that was called, for the message
 * @throws UsageError `ERR_NBD_ARGUMENT` naming the option that is unknown or wrong, what was expected, and what was got.
 */
export function checkOptions(caller: string, given: unknown, checks: Readonly<Record<string, OptionCheck>>): void {
  if (given === undefined) return;
  if (!isObject(given)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${caller}: options are ${describeValue(given)}, expected an object`);
  }
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) {
      const known = nearestName(name, Object.keys(checks));
      const hint = known === undefined ? '' : ` (did you mean '${known}'?)`;
      throw new UsageError('ERR_NBD_ARGUMENT', `${caller}: unknown option '${name}'${hint}`);
    }
    if (value === undefined || check.holds(value)) continue;
    const message = `${caller}: ${name} is ${describeValue(value)}, expected ${check.expected}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
}

/**
 * Checks the least that a device must have.
 *
 * @param caller the public function that was called, for the message
 * @param name the parameter that holds the device, for the message
 * @throws UsageError `ERR_NBD_ARGUMENT` saying what was got instead.
 */
export function checkDevice(caller: string, name: string, value: unknown): void {
  if (isObject(value) && isObject(value.geometry) && isObject(value.abilities) && typeof value.read === 'function')
    return;
  const message = `${caller}: ${name} is ${describeValue(value)}, expected a device (geometry, abilities, read, ...)`;
  throw new UsageError('ERR_NBD_ARGUMENT', message);
}
