import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { copyShared } from './shared-memory.ts';

const margin = 7;

for (const length of [0, 1, 1023, 1024, 1025, 65_537]) {
  for (const [kind, allocate] of [
    ['shared to plain', [SharedArrayBuffer, ArrayBuffer]],
    ['plain to shared', [ArrayBuffer, SharedArrayBuffer]],
  ] as const) {
    test(`copies ${length} bytes, ${kind}, and changes no byte around them`, () => {
      const [From, To] = allocate;
      const source = new Uint8Array(new From(length + 2 * margin), margin, length);
      source.set(randomBytes(length));
      const around = new Uint8Array(new To(length + 2 * margin)).fill(0xee);
      copyShared(around.subarray(margin), source);
      expect(Buffer.compare(around.subarray(margin, margin + length), source)).toBe(0);
      const edges = [...around.subarray(0, margin), ...around.subarray(margin + length)];
      expect(edges).toEqual(Array.from({ length: 2 * margin }, () => 0xee));
    });
  }
}
