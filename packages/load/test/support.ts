/** Loads in virtual time. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { createDelayLayer, createMemoryDevice } from '@nbdjs/storage';
import type { VirtualClock } from '@nbdjs/testkit';
import { createLatencyHistogram, type LoadOptions, type LoadReport, runLoadWith } from '../src/index.ts';

export const mebi = 2 ** 20;

/** A device in memory that takes so many milliseconds for each request. */
export function slowDevice(clock: VirtualClock, delayMs: number, size = mebi): BlockDevice {
  const memory = createMemoryDevice({ size });
  const commands = ['read', 'write', 'flush', 'trim', 'writeZeroes'] as const;
  const delays = Object.fromEntries(commands.map((command) => [command, delayMs]));
  return createDelayLayer(memory, { clock, delayMs: delays });
}

/** Runs a load, and lets time pass until it has ended. */
export async function inVirtualTime(
  clock: VirtualClock,
  device: BlockDevice,
  options: LoadOptions,
  meanwhile: (clock: VirtualClock) => Promise<void> = async () => {},
): Promise<LoadReport> {
  let report: LoadReport | undefined;
  const run = runLoadWith(device, options, { clock, createHistogram: createLatencyHistogram }).then((result) => {
    report = result;
  });
  await meanwhile(clock);
  for (let turns = 0; report === undefined && turns < 2000; turns++) await clock.advance(50);
  await run;
  if (report === undefined) throw new Error('the load has not ended');
  return report;
}
