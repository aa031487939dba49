import { describe, expect, it } from 'vitest';
import { isDisturbed, median, pairwiseRatios, quantile, selfRatio, spread } from '../src/measuring/statistics.ts';

describe('median and quartiles', () => {
  it('take the value in the middle, whatever the order', () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it('interpolate between two values', () => {
    expect(spread([1, 2, 3, 4])).toEqual({ low: 1.75, median: 2.5, high: 3.25 });
    expect(spread([1, 2, 3, 4, 5])).toEqual({ low: 2, median: 3, high: 4 });
    expect(quantile([10, 20], 0)).toBe(10);
    expect(quantile([10, 20], 1)).toBe(20);
  });

  it('are no numbers without values', () => {
    expect(spread([])).toEqual({ low: Number.NaN, median: Number.NaN, high: Number.NaN });
  });

  it('leave the values in their order', () => {
    const values = [3, 1, 2];
    median(values);
    expect(values).toEqual([3, 1, 2]);
  });
});

describe('pairwise ratios', () => {
  it('compare the values of one round with each other', () => {
    // The machine was half as fast in the second round, which changes no ratio.
    expect(pairwiseRatios([200, 100, 220], [100, 50, 100])).toEqual([2, 2, 2.2]);
  });

  it('need as many values of both', () => {
    expect(() => pairwiseRatios([1, 2], [1])).toThrow(
      new RangeError('as many values of the peer as of ours were expected: 2, got 1'),
    );
  });
});

describe('a candidate compared with itself', () => {
  it('is 1 when odd and even rounds agree', () => {
    expect(selfRatio([100, 100, 100, 100])).toBe(1);
    expect(selfRatio([100, 80, 100, 80, 100])).toBe(1.25);
  });

  it('cannot be compared after one round', () => {
    expect(selfRatio([100])).toBeUndefined();
    expect(isDisturbed([100])).toBe(false);
  });

  it('is disturbed when they differ by more than 5 %, in either direction', () => {
    expect(isDisturbed([104, 100, 104, 100])).toBe(false);
    expect(isDisturbed([106, 100, 106, 100])).toBe(true);
    expect(isDisturbed([100, 106, 100, 106])).toBe(true);
    expect(isDisturbed([100, 120], 0.25)).toBe(false);
  });

  it('is disturbed when it is no number', () => {
    expect(isDisturbed([0, 0])).toBe(true);
  });
});
