/** Runs the command line of this process. */
import { endByForce, Interrupted, processTerminal, type Terminal } from './terminal.ts';

/** After an interruption, pending output gets this long to leave. */
const graceMs = 500;

/** Runs the words that this process was given. `run` never throws, and resolves to the exit code. */
export async function start(run: (argv: readonly string[], terminal: Terminal) => Promise<number>): Promise<void> {
  const terminal = processTerminal();
  process.exitCode = await run(process.argv.slice(2), terminal);
  // After an interruption, the process does not wait for what still keeps it alive, such as a reader that does not read.
  const { reason } = terminal.signal;
  if (reason instanceof Interrupted) setTimeout(() => endByForce(reason), graceMs).unref();
}
