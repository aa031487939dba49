/**
 * Load for block devices: requests of a pattern, at a rate or as many as possible, their latencies as percentiles, and contents that are
 * checked.
 *
 * @packageDocumentation
 */
import type { BlockDevice } from '@nbdjs/interfaces';
import type { LoadReport } from './measuring/report.ts';
import { nodeSurroundings } from './node-surroundings.ts';
import type { LoadOptions } from './options.ts';
import { runLoadWith } from './run-load.ts';

export * from './core/index.ts';
export { createLatencyHistogram } from './node-surroundings.ts';

/** As `runLoadWith`, with the clock and the histograms of Node. */
export async function runLoad(device: BlockDevice, options: LoadOptions = {}): Promise<LoadReport> {
  return await runLoadWith(device, options, nodeSurroundings);
}
