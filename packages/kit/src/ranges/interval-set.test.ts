import { seededRandom } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { IntervalSet } from './interval-set.ts';

describe('an interval set', () => {
  it.each([
    [
      'touching',
      [
        [0n, 5n],
        [5n, 9n],
      ],
      [[0n, 9n]],
    ],
    [
      'overlapping',
      [
        [4n, 8n],
        [0n, 5n],
      ],
      [[0n, 8n]],
    ],
    [
      'apart',
      [
        [6n, 8n],
        [0n, 5n],
      ],
      [
        [0n, 5n],
        [6n, 8n],
      ],
    ],
    [
      'inside',
      [
        [0n, 9n],
        [2n, 3n],
      ],
      [[0n, 9n]],
    ],
    [
      'around several',
      [
        [2n, 3n],
        [5n, 6n],
        [8n, 9n],
        [1n, 7n],
      ],
      [
        [1n, 7n],
        [8n, 9n],
      ],
    ],
  ] as const)('joins intervals that are %s', (_, added, result) => {
    const set = new IntervalSet<bigint>();
    for (const [start, end] of added) set.add(start, end);
    expect(set.intervals()).toEqual(result);
    expect(set.count).toBe(result.length);
  });

  it('has the same positions as a list of them', () => {
    const random = seededRandom(7);
    for (let round = 0; round < 40; round++) {
      const set = new IntervalSet<number>();
      const model = Array.from({ length: 64 }, () => false);
      for (let step = 0; step < 20; step++) {
        const start = Math.floor(random() * 60);
        const end = Math.min(64, start + 1 + Math.floor(random() * 6));
        const fresh = Array.from({ length: end - start }, (_, index) => start + index).filter((one) => !model[one]);
        const way = step % 3;
        if (way === 0) set.add(start, end);
        if (way === 1) expect(set.cover(start, end).flatMap(([from, to]) => positions(from, to))).toEqual(fresh);
        if (way === 2) {
          const isFresh = fresh.length === end - start;
          expect(set.insert(start, end)).toBe(isFresh);
          if (!isFresh) continue;
        }
        model.fill(true, start, end);
        const held = set.intervals();
        expect(held.flatMap(([from, to]) => positions(from, to))).toEqual(positions(0, 64).filter((one) => model[one]));
        expect(held.every(([from], index) => index === 0 || from > (held[index - 1]?.[1] ?? from))).toBe(true);
      }
    }
  });

  it('closes the smallest gap when there are too many', () => {
    const set = new IntervalSet<bigint>(2);
    set.add(0n, 10n);
    set.add(100n, 110n);
    set.add(15n, 20n);
    expect(set.intervals()).toEqual([
      [0n, 20n],
      [100n, 110n],
    ]);
    set.add(95n, 96n);
    expect(set.intervals()).toEqual([
      [0n, 20n],
      [95n, 110n],
    ]);
  });

  it('is empty at first', () => {
    const set = new IntervalSet<bigint>();
    expect([set.isEmpty, set.count]).toEqual([true, 0]);
    set.add(1n, 2n);
    expect(set.isEmpty).toBe(false);
  });
});

function positions(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}
