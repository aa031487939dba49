import { expect, it } from 'vitest';
import { crc32, crc32c } from './crc.ts';

const digits = new TextEncoder().encode('123456789');

it('has the check values of both polynomials', () => {
  expect(crc32(digits)).toBe(0xcbf4_3926);
  expect(crc32c(digits)).toBe(0xe306_9283);
  expect(crc32c(new Uint8Array(0))).toBe(0);
});

it('goes on where it has stopped', () => {
  expect(crc32c(digits.subarray(4), crc32c(digits.subarray(0, 4)))).toBe(crc32c(digits));
});
