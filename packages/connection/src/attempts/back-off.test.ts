import { expect, it } from 'vitest';
import { BackOff, longestDelaysMs } from './back-off.ts';

it('waits 1, 2, 4, 8, 16, 16, ... seconds, and begins again after a reset', () => {
  const backOff = new BackOff(() => 0.5);
  const delays = Array.from({ length: 7 }, () => backOff.next());
  expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 16_000, 16_000]);
  backOff.reset();
  expect(backOff.next()).toBe(1000);
});

it('spreads delays by a fifth both ways', () => {
  expect(new BackOff(() => 0).next()).toBe(800);
  expect(new BackOff(() => 1).next()).toBe(1200);
  const spread = new BackOff();
  const delayMs = spread.next();
  expect(delayMs).toBeGreaterThanOrEqual(800);
  expect(delayMs).toBeLessThanOrEqual(1200);
});

it('tells how long several delays take at the longest', () => {
  expect([0, 1, 5].map(longestDelaysMs)).toEqual([0, 1200, 37_200]);
});
