import { UsageError } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { checkOptions, optionChecks } from './option-checks.ts';

const { milliseconds, wholeFrom, oneOf, either, boolean, object, bytes } = optionChecks;
const checks = {
  delayMs: milliseconds,
  count: wholeFrom(1),
  mode: oneOf('simple', 'extended'),
  journal: either(boolean, object),
  size: bytes,
};

describe('options', () => {
  it.each([
    [undefined],
    [{}],
    [{ delayMs: undefined, count: undefined }],
    [{ delayMs: 0, count: 1, mode: 'simple', journal: true, size: 0n }],
    [{ journal: {}, size: 4096 }],
  ])('may be %o', (given) => expect(() => checkOptions('connect', given, checks)).not.toThrow());

  it.each([
    [null, 'connect: options are null, expected an object'],
    [5, 'connect: options are 5, expected an object'],
    [[], 'connect: options are an array, expected an object'],
    [{ journal: [] }, 'connect: journal is an array, expected true or false, or an object'],
    [{ delayms: 5 }, "connect: unknown option 'delayms' (did you mean 'delayMs'?)"],
    [{ amount: 5 }, "connect: unknown option 'amount'"],
    [{ counts: 5 }, "connect: unknown option 'counts' (did you mean 'count'?)"],
    [{ coun: 5 }, "connect: unknown option 'coun' (did you mean 'count'?)"],
    [{ toString: 5 }, "connect: unknown option 'toString'"],
    [{ delayMs: -1 }, 'connect: delayMs is -1, expected a number of milliseconds from 0 on'],
    [{ delayMs: Number.NaN }, 'connect: delayMs is NaN, expected a number of milliseconds from 0 on'],
    [{ delayMs: '5' }, "connect: delayMs is '5', expected a number of milliseconds from 0 on"],
    [{ count: 0 }, 'connect: count is 0, expected a whole number from 1 on'],
    [{ count: 1.5 }, 'connect: count is 1.5, expected a whole number from 1 on'],
    [{ mode: 'x' }, "connect: mode is 'x', expected 'simple' or 'extended'"],
    [{ journal: null }, 'connect: journal is null, expected true or false, or an object'],
    [{ size: -1n }, 'connect: size is -1n, expected a whole number of bytes from 0 on, as a number or a bigint'],
  ])('may not be %o', (given, message) => {
    const check = () => checkOptions('connect', given, checks);
    expect(check).toThrow(UsageError);
    expect(check).toThrow(expect.objectContaining({ code: 'ERR_NBD_ARGUMENT', message }));
  });
});
