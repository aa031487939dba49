import { expect, it } from 'vitest';
import { clipExtents } from './clip-extents.ts';

const extent = (offset: bigint, length: bigint, status = 0n) => ({ offset, length, status });
const map = [extent(0n, 10n), extent(10n, 5n, 3n), extent(15n, 10n)];

it.each([
  [0n, 25n, map],
  [0n, 100n, map],
  [5n, 12n, [extent(5n, 5n), extent(10n, 2n, 3n)]],
  [10n, 15n, [extent(10n, 5n, 3n)]],
  [11n, 12n, [extent(11n, 1n, 3n)]],
  [25n, 30n, []],
] as const)('bytes %i to %i', (start, end, expected) => expect(clipExtents(map, start, end)).toEqual(expected));

it('nothing is copied unless it has to be cut', () => {
  expect(clipExtents(map, 0n, 25n)).toBe(map);
  expect(clipExtents([], 0n, 25n)).toEqual([]);
});
