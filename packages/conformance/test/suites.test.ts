/** The suites pass subjects that keep the rules, and fail those that break one, at the rule that is broken. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BlockDevice } from '@nbdjs/interfaces';
import { describe, expect, it } from 'vitest';
import { blockDeviceConformance, blockDeviceRules, ConformanceError } from '../src/index.ts';
import { createArrayDevice } from './array-device.ts';

const size = 1024 * 1024 + 512;

blockDeviceConformance({ describe, it }, 'array', { make: async (bytes) => createArrayDevice(bytes) });

/** The titles of the rules that do not hold. */
async function brokenRules(make: () => BlockDevice): Promise<readonly string[]> {
  const broken: string[] = [];
  for (const { title, check } of blockDeviceRules) {
    try {
      await check({ device: make(), size, forgets: false, extras: undefined });
    } catch (reason) {
      expect(reason).toBeInstanceOf(ConformanceError);
      broken.push(title);
    }
  }
  return broken;
}

const sound = (): BlockDevice => createArrayDevice(size);

describe('a broken device fails the rule that it breaks', () => {
  it.each<[string, string, (device: BlockDevice) => Partial<BlockDevice>]>([
    [
      'a geometry of other size',
      'has a consistent geometry',
      ({ geometry }) => ({ geometry: { ...geometry, size: 1n } }),
    ],
    [
      'a write that goes one byte too far',
      'does not change bytes beside a changed range',
      (device) => ({
        write: async (offset, source, options) => {
          await device.write(offset, source, options);
          const end = Number(offset) + source.length;
          if (end < size) await device.write(end, Uint8Array.of(7));
        },
      }),
    ],
    [
      'zeroes that are not written',
      'does what a model does, many requests at a time',
      () => ({ writeZeroes: () => {} }),
    ],
    [
      'data that is reported as zero',
      'reports extents that agree with its content',
      ({ blockStatus }) => ({
        blockStatus: async (...call) =>
          (await blockStatus(...call)).map(({ context, extents }) => ({
            context,
            extents: extents.map((extent) => ({ ...extent, status: 2n })),
          })),
      }),
    ],
    [
      'signals that are not checked',
      'rejects with the reason of a signal that is aborted already, and changes nothing',
      (device) => ({ read: (offset, target) => device.read(offset, target) }),
    ],
    [
      'a close without effect',
      'is closed any number of times, and refuses calls afterwards',
      () => ({ close: async () => {} }),
    ],
    [
      'memory that is written late',
      'does not touch memory after a call was abandoned',
      (device) => ({
        read: async (offset, target, options) => {
          await device.read(offset, target, options);
          if (target.length > 100_000) setTimeout(() => target.fill(0), 5);
        },
      }),
    ],
  ])('%s', async (_, title, breakIt) => {
    const broken = await brokenRules(() => {
      const device = sound();
      return { ...device, ...breakIt(device) };
    });
    expect(broken).toContain(title);
  });

  it('and a sound one fails none', async () => {
    expect(await brokenRules(sound)).toEqual([]);
  });
});

it('runs in the test runner of Node', async () => {
  const file = fileURLToPath(new URL('./node-runner.ts', import.meta.url));
  const run = promisify(execFile);
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { stdout } = await run(process.execPath, [...process.execArgv, '--test', '--test-reporter=tap', file], { env });
  expect(stdout).toContain(`# pass ${blockDeviceRules.length}`);
  expect(stdout).toContain('# fail 0');
});
