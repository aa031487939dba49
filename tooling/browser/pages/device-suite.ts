/** The suite for devices, run where there is no test runner: which rules fail, and why. */
import { blockDeviceRules } from '@nbdjs/conformance';
import type { BlockDevice } from '@nbdjs/interfaces';
import { inWords } from './report.ts';

/** Not a multiple of the usual block sizes. */
const size = 1024 * 1024 + 512;

export interface SuiteResult {
  readonly rules: number;
  readonly failures: readonly string[];
}

/** Runs each rule on a device of its own. */
export async function runDeviceSuite(make: (size: number) => Promise<BlockDevice>): Promise<SuiteResult> {
  const failures: string[] = [];
  for (const rule of blockDeviceRules) {
    const device = await make(size);
    try {
      await rule.check({ device, size, forgets: false, extras: undefined });
    } catch (error) {
      failures.push(`${rule.title}: ${inWords(error)}`);
    } finally {
      await device.close();
    }
  }
  return { rules: blockDeviceRules.length, failures };
}
