import { expect, it } from 'vitest';
import { GrowingDelay, longestDelaysMs } from './growing-delay.ts';

const seconds = { firstMs: 1000, mostMs: 16_000 };

it('lasts 1, 2, 4, 8, 16, 16, ... seconds, and begins again after a reset', () => {
  const delay = new GrowingDelay(seconds);
  const delays = Array.from({ length: 7 }, () => delay.next());
  expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 16_000, 16_000]);
  delay.reset();
  expect(delay.next()).toBe(1000);
});

it('is spread by a fifth both ways', () => {
  const first = (jitter: () => number) => new GrowingDelay({ ...seconds, jitter }).next();
  expect([0, 0.5, 1].map((part) => first(() => part))).toEqual([800, 1000, 1200]);
  const delayMs = first(Math.random);
  expect(delayMs).toBeGreaterThanOrEqual(800);
  expect(delayMs).toBeLessThanOrEqual(1200);
});

it('is never longer than its bound, the first one included', () => {
  const delay = new GrowingDelay({ firstMs: 1000, mostMs: 500 });
  expect([delay.next(), delay.next()]).toEqual([500, 500]);
});

it('adds up', () => {
  expect([0, 1, 5].map((count) => longestDelaysMs(seconds, count))).toEqual([0, 1200, 37_200]);
});
