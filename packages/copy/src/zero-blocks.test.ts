import fc from 'fast-check';
import { expect, it } from 'vitest';
import { visitLongRuns, visitRuns } from './zero-blocks.ts';

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

it('A9: counts short runs of zeroes with what is beside them', () => {
  const runs = (pieces: readonly (readonly [number, number])[]): [number, number, boolean][] => {
    const bytes = new Uint8Array(pieces.reduce((sum, [length]) => sum + length, 0));
    let position = 0;
    for (const [length, value] of pieces) {
      bytes.fill(value, position, position + length);
      position += length;
    }
    const seen: [number, number, boolean][] = [];
    visitLongRuns(bytes, 512, 0, 2048, (start, end, isZero) => void seen.push([start, end, isZero]));
    return seen;
  };
  expect(
    runs([
      [512, 1],
      [512, 0],
      [512, 2],
      [1536, 0],
    ]),
  ).toEqual([[0, 3072, false]]);
  expect(
    runs([
      [512, 0],
      [512, 2],
      [2048, 0],
      [512, 0],
      [512, 1],
    ]),
  ).toEqual([
    [0, 1024, false],
    [1024, 3584, true],
    [3584, 4096, false],
  ]);
  expect(runs([[512, 0]])).toEqual([[0, 512, true]]);
  expect(
    runs([
      [4096, 0],
      [512, 1],
      [512, 0],
    ]),
  ).toEqual([
    [0, 4096, true],
    [4096, 5120, false],
  ]);
});
