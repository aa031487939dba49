/** Comparisons beyond the first difference: all of them, tails of zeroes, and what is allocated. */
import { seededRandom } from '@nbdjs/testkit';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareAllocation, compareDevices, type DifferingRange } from '../src/index.ts';
import { ScriptedDevice } from './scripted-device.ts';

/** The parts that differ, found byte by byte. */
function rangesOf(one: Uint8Array, other: Uint8Array, gapBytes: number): readonly (readonly [number, number])[] {
  const ranges: [number, number][] = [];
  const size = Math.max(one.length, other.length);
  for (let at = 0; at < size; at++) {
    if ((one[at] ?? 0) === (other[at] ?? 0)) continue;
    const last = ranges.at(-1);
    if (last !== undefined && at - last[1] < gapBytes) last[1] = at + 1;
    else ranges.push([at, at + 1]);
  }
  return ranges;
}

const pairs = (ranges: readonly DifferingRange[]) =>
  ranges.map(({ offset, length }) => [Number(offset), Number(offset + length)]);

describe('onDifference', () => {
  it('is called for all parts, in order, whatever comes first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          size: fc.oneof(fc.constantFrom(0, 1, 4095, 65_536), fc.integer({ min: 0, max: 400_000 })),
          longer: fc.constantFrom(0, 0, 1, 5000, 100_000),
          seed: fc.integer(),
          turns: fc.integer({ min: 0, max: 5 }),
          gapBytes: fc.constantFrom(512, 513, 4096, 100_000),
          isSwapped: fc.boolean(),
          extents: fc.boolean(),
        }),
        async ({ size, longer, seed, turns, gapBytes, isSwapped, extents }) => {
          const random = seededRandom(seed);
          const one = new Uint8Array(size);
          for (let at = 0; at < size; at += Math.floor(random() ** 3 * 60_000) + 1) {
            one.fill(random() < 0.5 ? 0 : 7, at, at + Math.floor(random() * 30_000));
          }
          const other = new Uint8Array(size + longer);
          other.set(one);
          for (let count = Math.floor(random() * 12); count > 0; count--) {
            const at = Math.floor(random() * other.length);
            other.fill(Math.floor(random() * 3), at, at + Math.floor(random() ** 6 * 20_000) + 1);
          }
          const make = (content: Uint8Array): ScriptedDevice =>
            new ScriptedDevice({ size: content.length, content, turns: () => Math.floor(random() * (turns + 1)) });
          const sides = isSwapped ? ([make(other), make(one)] as const) : ([make(one), make(other)] as const);
          const found: DifferingRange[] = [];
          const report = await compareDevices(...sides, {
            zeroTail: true,
            gapBytes,
            extents,
            requestSize: 4096,
            onDifference: (range) => void found.push(range),
          });
          const expected = rangesOf(one, other, gapBytes);
          expect(pairs(found)).toEqual(expected);
          expect(report.differsAt).toBe(expected[0] === undefined ? undefined : BigInt(expected[0][0]));
          expect(report.differingBytes).toBe(BigInt(expected.reduce((sum, [from, to]) => sum + to - from, 0)));
          const first = await compareDevices(...sides, { zeroTail: true, extents, requestSize: 4096 });
          expect(first.differsAt).toBe(report.differsAt);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is waited for, and its failure ends the comparison', async () => {
    const one = new ScriptedDevice({ size: 10 * 65_536 });
    const content = new Uint8Array(10 * 65_536).fill(1);
    let going = 0;
    let goingMax = 0;
    const slow = async (): Promise<void> => {
      goingMax = Math.max(goingMax, ++going);
      await new Promise((resolve) => setTimeout(resolve, 1));
      going--;
    };
    const other = (): ScriptedDevice => new ScriptedDevice({ size: content.length, content });
    for (let at = 0; at < content.length; at += 8192) content.fill(0, at, at + 4096);
    await compareDevices(one, other(), { gapBytes: 512, requestSize: 4096, synchronous: true, onDifference: slow });
    expect(goingMax).toBe(1);
    const failing = compareDevices(one, other(), {
      gapBytes: 512,
      requestSize: 4096,
      onDifference: () => Promise.reject(new Error('the list is full')),
    });
    await expect(failing).rejects.toThrow('the list is full');
  });

  it('names what only the source has as the last part', async () => {
    const content = new Uint8Array(10_000).fill(1);
    const source = new ScriptedDevice({ size: 10_000, content });
    const shorter = new ScriptedDevice({ size: 9000, content: content.slice(0, 9000) });
    const found: DifferingRange[] = [];
    const { differsAt } = await compareDevices(source, shorter, { onDifference: (range) => void found.push(range) });
    expect([differsAt, pairs(found)]).toEqual([9000n, [[9000, 10_000]]]);
  });
});

describe('zeroTail', () => {
  it('does not read a tail that is reported as zeroes, on either side', async () => {
    const short = new ScriptedDevice({ size: 100_000 });
    const long = new ScriptedDevice({ size: 10_000_000 });
    for (const sides of [[short, long] as const, [long, short] as const]) {
      const report = await compareDevices(...sides, { zeroTail: true });
      expect(report).toMatchObject({ differsAt: undefined, totalBytes: 10_000_000n });
      // The rest of the request in which the shorter one ends is read.
      expect(report.comparedBytes).toBeLessThan(262_144n);
    }
    expect((await compareDevices(long, short)).differsAt).toBe(100_000n);
  });

  it('reads a tail without a map', async () => {
    const content = new Uint8Array(200_000);
    const abilities = { contexts: [] };
    const short = new ScriptedDevice({ size: 100_000, abilities });
    const long = (): ScriptedDevice => new ScriptedDevice({ size: content.length, content, abilities });
    expect((await compareDevices(short, long(), { zeroTail: true })).differsAt).toBeUndefined();
    content[199_999] = 1;
    expect((await compareDevices(short, long(), { zeroTail: true })).differsAt).toBe(199_999n);
    expect((await compareDevices(long(), short, { zeroTail: true })).differsAt).toBe(199_999n);
  });
});

describe('compareAllocation', () => {
  const content = new Uint8Array(300_000);
  content.fill(1, 50_000, 100_000);
  const device = (options: { holeBytesMin?: number; contexts?: string[]; size?: number } = {}) => {
    const { contexts, size = content.length, holeBytesMin = 1 } = options;
    const abilities = contexts === undefined ? {} : { contexts };
    return new ScriptedDevice({ size, content: content.slice(0, size), holeBytesMin, abilities });
  };

  it('finds the first byte that is allocated on one side only', async () => {
    expect(await compareAllocation(device(), device())).toBeUndefined();
    expect(await compareAllocation(device(), device({ size: 60_000 }))).toBeUndefined();
    // The hole at the start is too short to be reported.
    expect(await compareAllocation(device(), device({ holeBytesMin: 60_000 }))).toBe(0n);
    const late = device();
    late.content.fill(1, 200_000, 201_000);
    expect(await compareAllocation(device(), late)).toBe(200_000n);
  });

  it('takes a device without a map for allocated', async () => {
    expect(await compareAllocation(device({ contexts: [] }), device({ contexts: [] }))).toBeUndefined();
    expect(await compareAllocation(device({ contexts: [] }), device())).toBe(0n);
  });
});
