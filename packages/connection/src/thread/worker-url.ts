/** Where the worker's file is. */
import { existsSync } from 'node:fs';

/**
 * Returns the file of the worker: `worker.ts` when run from source, else the built file beside this module. `undefined` where a bundler has
 * moved this module away from that file, or does not set the module's location. Bundlers that look for `new URL` with a literal include the
 * file.
 */
export function workerUrlDefault(): URL | undefined {
  try {
    const here = import.meta.url;
    if (here.endsWith('.ts')) return new URL(here.replace(/thread\/[^/]+$/, 'worker.ts'));
    const url = new URL('./nbdjs-worker.mjs', import.meta.url);
    return existsSync(url) ? url : undefined;
  } catch {
    // `import.meta.url` is not a URL, or not that of a file.
    return undefined;
  }
}
