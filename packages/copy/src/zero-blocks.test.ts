import fc from 'fast-check';
import { expect, it } from 'vitest';
import { visitRuns } from './zero-blocks.ts';

it('divides bytes into runs of zero and other blocks, however they lie in memory', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ length: fc.integer({ min: 1, max: 3000 }), value: fc.constantFrom(0, 0, 0, 1, 128) })),
      fc.constantFrom(512, 1024, 4096),
      fc.nat(9000),
      fc.nat(7),
      (pieces, blockBytes, offset, shift) => {
        const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
        const bytes = new Uint8Array(length + shift).subarray(shift);
        let position = 0;
        for (const piece of pieces) {
          // One byte that is not zero is enough, and may be anywhere.
          bytes[position + (piece.length >> 1)] = piece.value;
          position += piece.length;
        }
        let expected = 0;
        let lastIsZero: boolean | undefined;
        visitRuns(bytes, blockBytes, offset % blockBytes, (start, end, isZero) => {
          expect(start).toBe(expected);
          expect(end).toBeGreaterThan(start);
          expect(isZero).not.toBe(lastIsZero);
          expect(start === 0 || (start + offset) % blockBytes === 0).toBe(true);
          if (isZero) expect(bytes.subarray(start, end).every((byte) => byte === 0)).toBe(true);
          else {
            for (let block = start; block < end; ) {
              const blockEnd = Math.min(end, block + blockBytes - ((block + offset) % blockBytes));
              expect(bytes.subarray(block, blockEnd).some((byte) => byte !== 0)).toBe(true);
              block = blockEnd;
            }
          }
          expected = end;
          lastIsZero = isZero;
        });
        expect(expected).toBe(length);
      },
    ),
  );
});

it('does not take -0, whose only bit is the sign, for zero', () => {
  const bytes = new Uint8Array(512);
  bytes[263] = 0x80;
  visitRuns(bytes, 512, 0, (_start, _end, isZero) => expect(isZero).toBe(false));
});
