/** The door of a load. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { checkDevice } from '@nbdjs/kit';
import type { LoadReport } from './measuring/report.ts';
import type { LoadOptions } from './options.ts';
import { LoadRun } from './running/load-run.ts';
import { resolveLoad } from './settings.ts';
import type { LoadSurroundings } from './surroundings.ts';

/**
 * Makes requests to a device, as many at a time and as long as the options say, and measures how long they take.
 *
 * Requests that fail are counted, and the load goes on; where the device cannot be used any more, or the signal is aborted, the load
 * ends, and the report says why and what was measured until then. Memory is taken at the start: `depth` times the longest request, 0.3 MB for each kind of
 * request, and with `verify` four bytes for each block of the range. Requests that are still in flight when `drainMs` is over keep
 * their memory; close the device then.
 *
 * @param surroundings time, histograms and turns of the event loop
 * @throws UsageError for options that contradict each other or do not fit the device; nothing was sent then.
 */
export async function runLoadWith(
  device: BlockDevice,
  options: LoadOptions,
  surroundings: LoadSurroundings,
): Promise<LoadReport> {
  checkDevice('runLoad', 'the device', device);
  return await new LoadRun(device, resolveLoad(device, options), surroundings).run();
}
