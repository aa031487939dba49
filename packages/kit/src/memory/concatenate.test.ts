import { expect, it } from 'vitest';
import { concatenate } from './concatenate.ts';

it('puts chunks one behind the other, in memory of their own', () => {
  const chunk = Uint8Array.of(1, 2, 3);
  const whole = concatenate([chunk.subarray(1), new Uint8Array(0), chunk]);
  chunk.fill(9);
  expect(whole).toEqual(Uint8Array.of(2, 3, 1, 2, 3));
  expect(whole.buffer.byteLength).toBe(5);
  expect(concatenate([])).toHaveLength(0);
});
