/** Walking over maps that are very long. */
import { type BlockDevice, CommandError, type Extent } from '@nbdjs/interfaces';
import { expect, it } from 'vitest';
import { extentStatusesMax, totalExtents } from './total-extents.ts';
import { walkExtentLists, walkExtents } from './walk-extents.ts';

const extentBytes = 4096n;

/** A device with `count` extents; it reports at most `answerMax` at a time, and records how many bytes it was asked about. */
function mapped(count: number, answerMax: number, statusOf: (index: number) => bigint) {
  const asked: bigint[] = [];
  const device = {
    geometry: { size: BigInt(count) * extentBytes },
    blockStatus(offset: bigint, length: bigint) {
      asked.push(length);
      const extents: Extent[] = [];
      const end = offset + length;
      for (let at = offset; at < end && extents.length < answerMax; ) {
        const index = Number(at / extentBytes);
        const next = BigInt(index + 1) * extentBytes;
        const to = next < end ? next : end;
        extents.push({ offset: at, length: to - at, status: statusOf(index) });
        at = to;
      }
      return [{ context: 'base:allocation', extents }];
    },
  };
  return { device: device as unknown as BlockDevice, asked };
}

it('A8: after a long answer the next question is shorter, so that not more is kept than is used', async () => {
  const { device, asked } = mapped(400_000, 131_072, (index) => BigInt(index % 2));
  const counts: number[] = [];
  let position = 0n;
  let gaps = 0;
  for await (const extents of walkExtentLists(device)) {
    counts.push(extents.length);
    for (const { offset, length } of extents) {
      if (offset !== position) gaps++;
      position += length;
    }
  }
  expect({ position, gaps }).toEqual({ position: 400_000n * extentBytes, gaps: 0 });
  expect(Math.max(...counts.slice(1))).toBeLessThanOrEqual(16_384);
  expect(asked.length).toBeLessThan(30);
});

it('questions become longer again where there are few extents', async () => {
  // Many extents, and then one for each half of what is left.
  const { device, asked } = mapped(600_000, 131_072, (index) => (index < 140_000 ? BigInt(index % 2) : 0n));
  const merged = {
    ...device,
    blockStatus: async (offset: bigint, length: bigint) => {
      const [answer] = await device.blockStatus(offset, length);
      const extents: Extent[] = [];
      for (const extent of answer?.extents ?? []) {
        const last = extents.at(-1);
        if (last?.status === extent.status)
          extents[extents.length - 1] = { ...last, length: last.length + extent.length };
        else extents.push(extent);
      }
      return [{ context: 'base:allocation', extents }];
    },
  } as unknown as BlockDevice;
  let count = 0;
  for await (const _ of walkExtents(merged)) count++;
  expect(count).toBe(140_001);
  expect(asked.at(-1) as bigint).toBeGreaterThan(16_384n * extentBytes);
});

it('totals have a bound, also for a device with very many statuses', async () => {
  const count = extentStatusesMax;
  const { device } = mapped(count, 50_000, (index) => BigInt(index));
  expect((await totalExtents(walkExtentLists(device))).size).toBe(count);
  expect((await totalExtents(walkExtents(device))).size).toBe(count);
  const { device: another } = mapped(count + 1, 50_000, (index) => BigInt(index));
  await expect(totalExtents(walkExtentLists(another))).rejects.toThrow(CommandError);
});
