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

it.each([crc32, crc32c])('counts several bytes at a time as it does one by one', (crc) => {
  const bytes = Uint8Array.from({ length: 64 }, (_, at) => (at * 151 + 7) & 0xff);
  for (let from = 0; from < 9; from++) {
    for (let to = from; to <= bytes.length; to++) {
      const part = bytes.subarray(from, to);
      expect(crc(part, 5)).toBe(part.reduce((sum, byte) => crc(Uint8Array.of(byte), sum), 5));
    }
  }
});
