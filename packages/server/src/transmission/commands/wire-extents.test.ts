import { allocationDepth, baseAllocation } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { extentsInBlocks } from './wire-extents.ts';

type Parts = readonly (readonly [length: number, status: number])[];

/** Extents one behind the other, as lengths and statuses. */
function extents(...parts: Parts) {
  let offset = 0n;
  return parts.map(([length, status]) => {
    const extent = { offset, length: BigInt(length), status: BigInt(status) };
    offset += extent.length;
    return extent;
  });
}

const lengths = (context: string, parts: Parts, end = 4096, block = 512) =>
  extentsInBlocks(context, extents(...parts), BigInt(end), block).map(({ length, status }) => [
    Number(length),
    Number(status),
  ]);

describe('S62: extents of an export with blocks', () => {
  it.each([
    [
      'end with blocks already',
      [
        [512, 0],
        [1024, 3],
      ],
      [
        [512, 0],
        [1024, 3],
      ],
    ],
    [
      'of a block that is hole in part are data there',
      [
        [1000, 0],
        [24, 3],
        [1024, 3],
      ],
      [
        [512, 0],
        [512, 0],
        [1024, 3],
      ],
    ],
    [
      'begin within a block',
      [
        [512, 3],
        [100, 0],
        [924, 3],
      ],
      [
        [512, 3],
        [512, 0],
        [512, 3],
      ],
    ],
    [
      'of which several share a block',
      [
        [100, 3],
        [100, 2],
        [100, 3],
        [724, 3],
      ],
      [
        [512, 2],
        [512, 3],
      ],
    ],
    [
      'whose last block is not known as a whole end before',
      [
        [512, 0],
        [300, 3],
      ],
      [[512, 0]],
    ],
    ['of less than a block are data', [[300, 3]], [[512, 0]]],
    [
      'of an export whose last block is short end with it',
      [
        [3584, 0],
        [100, 3],
      ],
      [
        [3584, 0],
        [100, 3],
      ],
      3684,
    ],
    [
      'reach past the end',
      [
        [3000, 0],
        [5000, 3],
      ],
      [
        [2560, 0],
        [512, 0],
        [4928, 3],
      ],
    ],
  ] as const)('%s', (_, given, expected, end: number = 4096) => {
    expect(
      lengths(
        baseAllocation,
        given.map(([length, status]) => [length, status] as const),
        end,
      ),
    ).toEqual(expected);
  });

  it('tell of all that has changed, and of the deepest layer', () => {
    expect(
      lengths('qemu:dirty-bitmap:b', [
        [100, 0],
        [12, 1],
        [400, 0],
      ]),
    ).toEqual([[512, 1]]);
    expect(
      lengths(allocationDepth, [
        [100, 1],
        [412, 2],
      ]),
    ).toEqual([[512, 2]]);
  });
});
