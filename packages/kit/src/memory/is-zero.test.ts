import { expect, it } from 'vitest';
import { isZero } from './is-zero.ts';

it('finds a byte that is not zero, wherever the bytes begin and end', () => {
  const memory = new Uint8Array(24);
  for (let start = 0; start < 8; start++) {
    for (let end = start; end <= memory.length; end++) {
      const bytes = memory.subarray(start, end);
      expect(isZero(bytes)).toBe(true);
      for (let index = 0; index < bytes.length; index++) {
        bytes[index] = 1;
        expect(isZero(bytes)).toBe(false);
        bytes[index] = 0;
      }
    }
  }
});
