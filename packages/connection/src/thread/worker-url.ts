/** Where the worker's file is. */
import { existsSync } from 'node:fs';

/**
 * The file beside this module: `worker.ts` when run from source, else the built one. Nothing, where a bundler has taken this
 * module away from it, or does not tell where it is. Those that look for `new URL` with a literal take the file along.
 */
export function workerUrlDefault(): URL | undefined {
  try {
    const here = import.meta.url;
    if (here.endsWith('.ts')) return new URL(here.replace(/thread\/[^/]+$/, 'worker.ts'));
    const url = new URL('./nbdjs-worker.mjs', import.meta.url);
    return existsSync(url) ? url : undefined;
  } catch {
    // No URL, or none of a file.
    return undefined;
  }
}
