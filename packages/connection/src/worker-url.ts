/** Where the worker's file is. */

/** The file beside this module: `worker.ts` when run from source, `worker.js` when built. */
export function workerUrlDefault(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);
}
