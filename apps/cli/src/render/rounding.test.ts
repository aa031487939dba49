import { describe, expect, it } from 'vitest';
import { decimals, significant } from './rounding.ts';

describe('rounding like printf', () => {
  it.each([
    [6.25, '6.2'],
    [6.75, '6.8'],
    [0.25, '0.2'],
    [99.95, '100.0'],
    [0.15, '0.1'],
    [0.35, '0.3'],
    [100, '100.0'],
    [0, '0.0'],
    [2.34375, '2.3'],
  ])('to one digit: %d', (value, text) => {
    expect(decimals(value, 1)).toBe(text);
  });

  it.each([
    [97.65625, '97.6562'],
    [2.34375, '2.34375'],
    [97.65635, '97.6564'],
    [1.000005, '1.00001'],
    [0.00390625, '0.00390625'],
    [100, '100.000'],
    [33.333333333, '33.3333'],
  ])('to six significant digits: %d', (value, text) => {
    expect(significant(value, 6)).toBe(text);
  });
});
