import { GrowingDelay } from '@nbdjs/kit';
import { expect, it } from 'vitest';
import { backOffDelays, longestDelaysMs } from './back-off.ts';

it('waits 1, 2, 4, 8, 16, 16, ... seconds', () => {
  const backOff = new GrowingDelay(backOffDelays);
  expect(Array.from({ length: 7 }, () => backOff.next())).toEqual([1000, 2000, 4000, 8000, 16_000, 16_000, 16_000]);
});

it('adds up several delays at their longest', () => {
  expect([0, 1, 5].map(longestDelaysMs)).toEqual([0, 1200, 37_200]);
});
