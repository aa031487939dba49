import type { BlockDevice, Extent } from '@nbdjs/interfaces';
import { expect, it } from 'vitest';
import { type JointExtent, walkJointExtents } from './joint-extents.ts';

/** A device of 120 blocks; each context changes its status every so many blocks, and an answer is at most so long. */
function mapped(periods: Readonly<Record<string, number>>, answerMax: number): BlockDevice {
  return {
    geometry: { size: 120n },
    blockStatus(offset: bigint, length: bigint, { contexts: [context = ''] }: { contexts: readonly string[] }) {
      const period = BigInt(periods[context] ?? 1);
      const extents: Extent[] = [];
      for (let at = offset; at < offset + length && extents.length < answerMax; ) {
        const end = (at / period + 1n) * period;
        const to = end < offset + length ? end : offset + length;
        extents.push({ offset: at, length: to - at, status: (at / period) % 2n });
        at = to;
      }
      return [{ context, extents }];
    },
  } as unknown as BlockDevice;
}

async function walk(device: BlockDevice, options: { offset?: number; length?: number } = {}) {
  const all: JointExtent[] = [];
  for await (const extents of walkJointExtents(device, { contexts: ['a', 'b', 'c'], ...options })) all.push(...extents);
  return all;
}

it.each([1, 3, 1000])('a new extent begins wherever one of the statuses changes (answers of %i)', async (answerMax) => {
  const all = await walk(mapped({ a: 4, b: 6, c: 120 }, answerMax));
  const starts = Array.from({ length: 120 }, (_, at) => at).filter((at) => at % 4 === 0 || at % 6 === 0);
  expect(all.map(({ offset }) => Number(offset))).toEqual(starts);
  for (const { offset, length, statuses } of all) {
    expect(statuses).toEqual([(offset / 4n) % 2n, (offset / 6n) % 2n, 0n]);
    expect(starts.concat(120)).toContain(Number(offset + length));
  }
});

it('a part begins and ends where it is asked to', async () => {
  const all = await walk(mapped({ a: 4, b: 6, c: 120 }, 2), { offset: 5, length: 10 });
  expect(all.map(({ offset, length }) => [Number(offset), Number(length)])).toEqual([
    [5, 1],
    [6, 2],
    [8, 4],
    [12, 3],
  ]);
});

it('what goes wrong in one context ends the walk over all of them', async () => {
  const device = mapped({ a: 4, b: 6, c: 120 }, 2);
  const failing = { ...device, blockStatus: () => Promise.reject(new Error('no map')) } as unknown as BlockDevice;
  await expect(walk(failing)).rejects.toThrow('no map');
});
