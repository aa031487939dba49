/** What people may write for shares, sizes, spans, rates and patterns. */
import { describe, expect, it } from 'vitest';
import { parseDuration, parsePattern, parseRate, parseShare, parseSizes } from './amounts.ts';

describe.each([
  [
    'a share',
    parseShare('--read'),
    { '70%': 0.7, '70': 0.7, '0%': 0, '100%': 1, '12.5%': 0.125 },
    ['101%', '-1%', '0.7.1', '', 'half'],
  ],
  [
    'a span',
    parseDuration('--time'),
    { '10': 10_000, '10s': 10_000, '500ms': 500, '1.5m': 90_000, '1h': 3_600_000 },
    ['', '-1', '10d', '1e3', '99999h'],
  ],
  ['a rate', parseRate, { '500': 500, '0.5': 0.5, '20k': 20_000 }, ['0', '', '-1', '1M', '20000000']],
])('%s', (_, parse, right, wrong) => {
  it('is taken as people write it', () => {
    for (const [text, value] of Object.entries(right)) expect(parse(text)).toBeCloseTo(value, 9);
  });

  it.each(wrong)('is not %j', (text) => {
    expect(() => parse(text)).toThrow(`'${text}' is not a`);
  });
});

it('sizes are one, or two of which one is a multiple of the other', () => {
  expect(parseSizes('4k')).toEqual({ smallest: 4096, largest: 4096 });
  expect(parseSizes('4k-1M')).toEqual({ smallest: 4096, largest: 2 ** 20 });
  expect(() => parseSizes('4k-6k')).toThrow("--size: the larger size of '4k-6k' is no multiple of the smaller one");
  expect(() => parseSizes('64k-4k')).toThrow('is no multiple');
  expect(() => parseSizes('64M')).toThrow('--size: 64M is not between 1 and 32M');
  for (const text of ['', '4k-', '1-2-3', 'x']) expect(() => parseSizes(text)).toThrow('is not a size such as');
});

it('patterns are words, zipf with an exponent', () => {
  expect(parsePattern('sequential')).toEqual({ pattern: 'sequential' });
  expect(parsePattern('zipf:1.2')).toEqual({ pattern: 'zipf', zipfExponent: 1.2 });
  for (const text of ['', 'zipf:', 'zipf:0', 'zipf:11', 'rand'])
    expect(() => parsePattern(text)).toThrow('--pattern: ');
});
