/** Contents that are checked. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { createMemoryDevice } from '@nbdjs/storage';
import { VirtualClock } from '@nbdjs/testkit';
import { describe, expect, it } from 'vitest';
import { type LoadOptions, runLoad } from '../src/index.ts';
import { inVirtualTime, mebi, slowDevice } from './support.ts';

const mixed: LoadOptions = { verify: true, readShare: 0.5, trimShare: 0.05, zeroShare: 0.05, requestSizeMax: 16_384 };

it('a device that keeps what is written has no difference, with many requests at a time', async () => {
  const clock = new VirtualClock();
  for (const pattern of ['sequential', 'random', 'zipf'] as const) {
    const options = { ...mixed, pattern, requests: 5000, depth: 16, length: 262_144 };
    const report = await inVirtualTime(clock, slowDevice(clock, 1), options);
    expect(report).toMatchObject({ end: 'requests', mismatch: undefined, errors: [], total: { requests: 5000 } });
    expect(report.verifiedBytes).toBeGreaterThan(mebi);
  }
});

it('with nothing but writes, they are read at the end', async () => {
  const report = await runLoad(createMemoryDevice({ size: mebi }), {
    verify: true,
    readShare: 0,
    pattern: 'sequential',
    requests: 256,
  });
  expect(report).toMatchObject({ end: 'requests', verifiedBytes: mebi, mismatch: undefined });
  expect(report.kinds.read).toBeUndefined();
});

describe('finds', () => {
  /** A device whose 40th write goes wrong, and nothing else. */
  function spoiled(spoil: (write: BlockDevice['write'], offset: number, source: Uint8Array) => void): BlockDevice {
    const device = createMemoryDevice({ size: mebi });
    const write: BlockDevice['write'] = device.write.bind(device);
    let writes = 0;
    device.write = (offset, source) => {
      if (++writes === 40) spoil(write, Number(offset), source);
      else write(offset, source);
    };
    return device;
  }

  const options: LoadOptions = { verify: true, readShare: 0, pattern: 'sequential', requests: 64, depth: 1 };
  const place = 39 * 4096;

  it('a write that was lost', async () => {
    const report = await runLoad(
      spoiled(() => {}),
      options,
    );
    expect(report.end).toBe('mismatch');
    expect(report.mismatch).toMatchObject({ offset: place, block: place, generation: 40, found: { type: 'zeroes' } });
    expect(Buffer.from(report.mismatch?.expected ?? []).toString('latin1')).toMatch(/^nbd load/);
    expect(report.mismatch?.got).toEqual(new Uint8Array(16));
  });

  it('one bit that has changed', async () => {
    const device = spoiled((write, offset, source) => {
      const copy = Uint8Array.from(source);
      copy[1001] = (copy[1001] ?? 0) ^ 4;
      write(offset, copy);
    });
    const { mismatch } = await runLoad(device, options);
    expect(mismatch).toMatchObject({ offset: place + 1001, block: place, found: { type: 'damaged' } });
    expect((mismatch?.expected[0] ?? 0) ^ (mismatch?.got[0] ?? 0)).toBe(4);
    expect(mismatch?.expected.subarray(1)).toEqual(mismatch?.got.subarray(1));
  });

  it('a write at the wrong place', async () => {
    const device = spoiled((write, offset, source) => void write(offset + 4096 * 100, source));
    const wrong = await runLoad(device, { ...options, requests: 256 });
    expect(wrong.mismatch).toMatchObject({ block: place, found: { type: 'zeroes' } });
    const over = spoiled((write, _, source) => void write(0, source));
    const { mismatch } = await runLoad(over, options);
    expect(mismatch).toMatchObject({
      offset: 12,
      block: 0,
      found: { type: 'misplaced', offset: place, generation: 40 },
    });
  });

  it('an earlier write', async () => {
    const lost = spoiled(() => {});
    // Eight blocks are written in turns: the 40th write is the fifth of the last one, and the load ends with it.
    const { mismatch } = await runLoad(lost, { ...options, requests: 40, length: 8 * 4096 });
    expect(mismatch).toMatchObject({ offset: 7 * 4096 + 12, block: 7 * 4096, generation: 40 });
    expect(mismatch?.found).toEqual({ type: 'older', generation: 32 });
  });

  it('at a read in the middle, which ends the load', async () => {
    const device = createMemoryDevice({ size: 65_536 });
    const read = device.read.bind(device);
    let reads = 0;
    device.read = (offset, target) => {
      read(offset, target);
      if (++reads > 500) target[100] = (target[100] ?? 0) ^ 0xff;
    };
    const report = await runLoad(device, { verify: true, readShare: 0.5, requests: 100_000, depth: 1 });
    expect(report.end).toBe('mismatch');
    expect(report.total.requests).toBeLessThan(2000);
    expect(report.mismatch?.found).toEqual({ type: 'damaged' });
  });
});

it('what an earlier load has written is of no concern', async () => {
  const device = createMemoryDevice({ size: mebi });
  const options: LoadOptions = { ...mixed, requests: 2000 };
  await runLoad(device, { ...options, seed: 1 });
  expect(await runLoad(device, { ...options, seed: 2 })).toMatchObject({ end: 'requests', mismatch: undefined });
});
