/** `nbd mount ... -- COMMAND`: a command that has the mount for as long as it runs. */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Mount } from '@nbdjs/fuse';
import { argumentError } from '../../errors/argument-error.ts';
import { systemReason } from '../../errors/one-line.ts';
import type { Terminal } from '../../terminal.ts';

/** How long the command may take to end when the program was interrupted, in milliseconds. */
const endMs = 10_000;

/**
 * Runs a command with our standard streams, and passes interrupts on to it. Ends it when the mount is ended by somebody else, too.
 *
 * @returns the exit code, as shells have it: 128 plus its number for a signal.
 * @throws UsageError when it cannot be started.
 */
export async function runWithMount(command: readonly string[], mount: Mount, terminal: Terminal): Promise<number> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: 'inherit' });
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    if (timer !== undefined) return;
    child.kill('SIGTERM');
    timer = setTimeout(() => child.kill('SIGKILL'), endMs);
  };
  if (terminal.signal.aborted) end();
  terminal.signal.addEventListener('abort', end, { once: true });
  void mount.ended.then(end);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.on('error', (cause) => reject(argumentError(`cannot run ${program}: ${systemReason(cause)}`, { cause })));
      child.on('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
    });
  } finally {
    clearTimeout(timer);
    terminal.signal.removeEventListener('abort', end);
  }
}
