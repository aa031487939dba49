/** The suite for authors of devices: memory, files, remote exports, and layers over them. */
import { type Rule, registerRules, type TestRunner } from '../runner.ts';
import { callRules } from './call-rules.ts';
import { contentRules } from './content-rules.ts';
import type { BlockDeviceFactory, DeviceUnderTest } from './device-under-test.ts';
import { extraRules } from './extra-rules.ts';
import { statusRules } from './status-rules.ts';

const size = 1024 * 1024 + 512;

/** All rules, for runners that do not fit `TestRunner`. */
export const blockDeviceRules: readonly Rule<DeviceUnderTest>[] = [
  ...callRules,
  ...contentRules,
  ...extraRules,
  ...statusRules,
];

/**
 * Registers one test for each rule that a `BlockDevice` has to keep; each gets a device of its own.
 *
 * @param runner the functions of the test runner, such as `{ describe, it }` of Vitest or of `node:test`
 * @param name what the device is, for the titles
 */
export function blockDeviceConformance(runner: TestRunner, name: string, factory: BlockDeviceFactory): void {
  registerRules(runner, `BlockDevice: ${name}`, blockDeviceRules, async (work) => {
    const device = await factory.make(size);
    try {
      await work({ device, size, forgets: factory.forgets === true, extras: factory.extras });
    } finally {
      await device.close();
    }
  });
}
