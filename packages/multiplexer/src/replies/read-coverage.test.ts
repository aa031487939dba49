import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { requestOf } from '../requests/request.ts';
import { cover, requireFullCoverage } from './read-coverage.ts';

const stretchesMax = 16;
const stream = { excerpt: new Uint8Array(0) };
const offset = 2n ** 32n - 50n;

/** A read of 100 bytes around 2^32, and its chunks by their places in the read. */
function reading() {
  const request = requestOf(0, 0, offset, 100n);
  return {
    cover(start: number, end: number): number {
      const place = offset + BigInt(start);
      return cover(request, Number(place >> 32n), Number(place & 0xffff_ffffn), end - start, stretchesMax, stream);
    },
    isComplete(): boolean {
      try {
        requireFullCoverage(request, stream);
        return true;
      } catch {
        return false;
      }
    },
    stretches: () => request.details?.stretches,
  };
}

/** Cuts 0 to 100 at random places. */
const cuts = fc
  .uniqueArray(fc.integer({ min: 1, max: 99 }), { maxLength: 20 })
  .map((places) => [0, ...places.sort((one, other) => one - other), 100])
  .map((places) => places.slice(1).map((end, index) => [places[index] as number, end] as const));

describe('read coverage', () => {
  it('C54: every byte once, in any order, is complete', () => {
    const shuffled = cuts.chain((pieces) =>
      fc.shuffledSubarray(pieces, { minLength: pieces.length, maxLength: pieces.length }),
    );
    fc.assert(
      fc.property(shuffled, (pieces) => {
        const { cover: take, isComplete } = reading();
        for (const [start, end] of pieces) {
          expect(isComplete()).toBe(false);
          expect(take(start, end)).toBe(start);
        }
        expect(isComplete()).toBe(true);
      }),
    );
  });

  it('C54: any byte a second time is found, as a model finds it', () => {
    const piece = fc.tuple(fc.integer({ min: 0, max: 99 }), fc.integer({ min: 1, max: 30 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 15 }), (pieces) => {
        const { cover: take, isComplete } = reading();
        const model = new Set<number>();
        for (const [start, length] of pieces) {
          const end = Math.min(start + length, 100);
          const bytes = Array.from({ length: end - start }, (_, index) => start + index);
          const isRepeated = bytes.some((byte) => model.has(byte));
          if (isRepeated) {
            expect(() => take(start, end)).toThrow(expect.objectContaining({ violation: 'chunk-overlap' }));
            return;
          }
          take(start, end);
          for (const byte of bytes) model.add(byte);
          expect(isComplete()).toBe(model.size === 100);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [-1, 1],
    [-60, 0],
    [99, 101],
    [100, 101],
    [0, 101],
    [-1, 101],
    [2 ** 40, 2 ** 40 + 1],
  ])('C54: bytes %i to %i are not among 100', (start, end) => {
    expect(() => reading().cover(start, end)).toThrow(expect.objectContaining({ violation: 'chunk-out-of-range' }));
  });

  it('pieces in order need no list', () => {
    const { cover: take, stretches } = reading();
    for (let start = 0; start < 100; start += 10) take(start, start + 10);
    expect(stretches()).toBeUndefined();
  });
});
