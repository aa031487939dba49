/** Options of worker threads. */

/**
 * Returns the options for a thread that runs a file. It inherits Node's own options, except where they would end it: a process that was
 * started with `--input-type` (code on the command line) can start no thread from a file.
 */
export function inheritedWorkerOptions(): { execArgv?: string[] } {
  return process.execArgv.some((option) => option.startsWith('--input-type')) ? { execArgv: [] } : {};
}
