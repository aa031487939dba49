/** How often which places are used. */
import { describe, expect, it } from 'vitest';
import { RandomPattern, SequentialPattern, ZipfPattern } from '../src/generation/access-pattern.ts';
import { Random } from '../src/generation/random.ts';
import { Zipf } from '../src/generation/zipf.ts';

const draws = 100_000;

function countsOf(draw: () => number): Map<number, number> {
  const counts = new Map<number, number>();
  for (let done = 0; done < draws; done++) {
    const value = draw();
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

it('sequential requests follow each other, and begin again where one does not fit', () => {
  const pattern = new SequentialPattern({ length: 16_384, unit: 4096 });
  expect([4096, 8192, 8192, 4096, 4096].map((length) => pattern.next(length))).toEqual([0, 4096, 0, 8192, 12_288]);
});

it('random requests use each place as often as any other', () => {
  const pattern = new RandomPattern(new Random(1), { length: 10 * 4096, unit: 4096 });
  const counts = countsOf(() => pattern.next(4096));
  expect([...counts.keys()].sort((one, other) => one - other)).toEqual(
    Array.from({ length: 10 }, (_, index) => 4096 * index),
  );
  for (const count of counts.values()) expect(Math.abs(count - draws / 10)).toBeLessThan(500);
});

it('random numbers reach all of a range of 2^52', () => {
  const random = new Random(5);
  const high = Array.from({ length: 1000 }, () => random.below(2 ** 52));
  expect(Math.max(...high)).toBeGreaterThan(0.99 * 2 ** 52);
  // The lowest bits are random, too.
  expect(high.filter((value) => value % 2 === 0).length).toBeGreaterThan(400);
  expect(high.filter((value) => value % 2 === 1).length).toBeGreaterThan(400);
});

describe.each([0.5, 1, 1.2, 2])('zipf with an exponent of %d', (exponent) => {
  it('draws each rank as often as its share says', () => {
    const zipf = new Zipf(new Random(3), 1000, exponent);
    const counts = countsOf(() => zipf.rank());
    const weights = Array.from({ length: 1000 }, (_, index) => (index + 1) ** -exponent);
    const whole = weights.reduce((sum, weight) => sum + weight);
    for (const rank of [1, 2, 3, 10, 100]) {
      const expected = (draws * (weights[rank - 1] ?? 0)) / whole;
      expect(Math.abs((counts.get(rank) ?? 0) - expected)).toBeLessThan(5 * Math.sqrt(expected) + 1);
    }
    expect(Math.max(...counts.keys())).toBeLessThanOrEqual(1000);
  });
});

it('the frequent places of zipf are spread over the range', () => {
  const pattern = new ZipfPattern(new Random(3), { length: 2 ** 40, unit: 4096 }, 1.2);
  const counts = [...countsOf(() => pattern.next(4096))].sort(([, one], [, other]) => other - one);
  const [first, second, third] = counts.map(([offset]) => offset);
  expect(new Set([first, second, third].map((offset) => Math.floor((offset ?? 0) / 2 ** 36))).size).toBe(3);
  expect(counts[0]?.[1]).toBeGreaterThan(draws / 10);
});
