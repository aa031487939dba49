import { describe, expect, it } from 'vitest';
import { ExtentCells } from './extent-cells.ts';

const extent = (offset: number, length: number, status = 0) => ({
  offset: BigInt(offset),
  length: BigInt(length),
  status: BigInt(status),
});

describe('ExtentCells', () => {
  it('cells are powers of two, at least 512 bytes, and at most as many as asked for', () => {
    for (const [length, cellsMax, cellBytes, count] of [
      [0, 8, 512, 0],
      [1, 8, 512, 1],
      [4096, 8, 512, 8],
      [4097, 8, 1024, 5],
      [2 ** 40, 1000, 2 ** 31, 512],
    ] as const) {
      const cells = new ExtentCells({ offset: 0, length, cellsMax });
      expect([cells.cellBytes, cells.count]).toEqual([BigInt(cellBytes), count]);
    }
  });

  it('extents are divided among the cells, and what lies outside is left out', () => {
    const cells = new ExtentCells({ offset: 1000, length: 1500, cellsMax: 3 });
    cells.add([extent(0, 1100), extent(1100, 900, 3), extent(2000, 5000)]);
    expect([0, 1, 2].map((cell) => [cells.bytesOf(cell, 0n), cells.bytesOf(cell, 3n)])).toEqual([
      [100, 412],
      [24, 488],
      [476, 0],
    ]);
    expect(cells.rangeOf(2)).toEqual({ offset: 2024n, length: 476n });
    expect(cells.totals).toEqual([
      { status: 0n, bytes: 600n, extents: 2 },
      { status: 3n, bytes: 900n, extents: 1 },
    ]);
  });

  it('neighbours of one status are one extent, also in different lists', () => {
    const cells = new ExtentCells({ offset: 0, length: 4096, cellsMax: 8 });
    cells.add([extent(0, 1024), extent(1024, 1024)]);
    cells.add([extent(2048, 1024), extent(3072, 1024, 1)]);
    expect(cells.totals.map(({ extents }) => extents)).toEqual([1, 1]);
  });

  it('all sums are exact up to the largest device', () => {
    const size = 2n ** 63n - 1n;
    const cells = new ExtentCells({ offset: 0, length: size, cellsMax: 1024 });
    cells.add([
      { offset: 0n, length: size - 1n, status: 0n },
      { offset: size - 1n, length: 1n, status: 1n },
    ]);
    expect(cells.totals.map(({ bytes }) => bytes)).toEqual([size - 1n, 1n]);
    expect(cells.bytesOf(1023, 1n)).toBe(1);
    expect(cells.bytesOf(0, 0n)).toBe(2 ** 53);
  });

  it('memory is bounded however many statuses a device makes up', () => {
    const cells = new ExtentCells({ offset: 0, length: 512 * 100, cellsMax: 100 });
    cells.add(Array.from({ length: 100 }, (_, index) => extent(index * 512, 512, index)));
    expect(cells.totals).toHaveLength(33);
    expect(cells.totals.at(-1)).toEqual({ status: undefined, bytes: 68n * 512n, extents: 68 });
    expect(cells.bytesOf(99, undefined)).toBe(512);
  });
});
