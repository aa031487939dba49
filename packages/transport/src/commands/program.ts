/** Starting programs that end with this process at the latest, and reporting how they ended. */
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ConnectError } from '@nbdjs/interfaces';
import { childProcess } from '../late-modules.ts';

/** How a program has ended. */
export interface CommandEnd {
  /** The exit code, 0 to 255; `null` when a signal ended the program. */
  readonly code: number | null;
  /** The signal that ended the program; `null` when it ended by itself. */
  readonly signal: NodeJS.Signals | null;
}

export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: ('inherit' | 'ignore' | 'pipe' | number)[];
}

/** How long programs have to end when this process exits, in milliseconds; then they are killed. */
const exitMs = 300;

/** Programs that are still running, and what has to be removed after each. */
const running = new Map<ChildProcess, () => void>();

/**
 * Starts a program through a line of shell that ends in `exec "$@"`. It is ended with this process, at the latest.
 *
 * @throws ConnectError `ERR_NBD_COMMAND` when it cannot be started.
 */
export function startProgram(
  command: readonly string[],
  script: string,
  options: ProgramOptions,
): Promise<ChildProcess> {
  // The shell would only print `not found` on its standard error; this check gives an error of our own.
  const obstacle = obstacleOf(command[0] ?? '', options.env.PATH);
  return new Promise((resolve, reject) => {
    if (obstacle !== undefined) throw commandError(command, obstacle);
    const child = childProcess().spawn('/bin/sh', ['-c', script, 'sh', ...command], options);
    child.on('error', (cause) => reject(commandError(command, `it cannot be started: ${cause.message}`, cause)));
    child.on('spawn', () => resolve(child));
  });
}

/** Makes the program end with this process. Calls `cleanUp` when it has ended, and resolves to how. */
export function keepTrack(child: ChildProcess, cleanUp: () => void): Promise<CommandEnd> {
  if (running.size === 0) process.on('exit', endAll);
  running.set(child, cleanUp);
  // A running program alone does not keep this process alive; `dispose` waits for it.
  child.unref();
  return new Promise((resolve) => {
    child.on('exit', (code, signal) => {
      running.delete(child);
      if (running.size === 0) process.off('exit', endAll);
      cleanUp();
      resolve({ code, signal });
    });
  });
}

export function describeCommand(command: readonly string[]): string {
  return `[ ${command.join(' ')} ]`;
}

export function howItEnded({ code, signal }: CommandEnd): string {
  return signal === null ? `it ended with exit code ${code}` : `it was ended by ${signal}`;
}

export function commandError(command: readonly string[], what: string, cause?: unknown): ConnectError {
  return new ConnectError('ERR_NBD_COMMAND', `${describeCommand(command)}: ${what}`, { cause, permanent: true });
}

/** The process is exiting and no event will come any more, so this blocks the thread, for a short time. */
function endAll(): void {
  for (const child of running.keys()) child.kill('SIGTERM');
  const deadline = performance.now() + exitMs;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (performance.now() < deadline && [...running.keys()].some(isAlive)) Atomics.wait(cell, 0, 0, 5);
  for (const [child, cleanUp] of running) {
    child.kill('SIGKILL');
    cleanUp();
  }
}

/** Returns whether the program still runs. Its process id is still its own; it has ended when the system calls it a zombie. */
function isAlive({ pid }: ChildProcess): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return status.charAt(status.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    // Other systems do not report it, so the whole time is waited.
    return process.platform !== 'linux';
  }
}

/** Returns why a program cannot be started, or `undefined`. */
function obstacleOf(program: string, path = '/usr/local/bin:/usr/bin:/bin'): string | undefined {
  if (program === '') return 'no program is named';
  const candidates = program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  const files = candidates.filter(isFile);
  if (files.length === 0) return 'there is no such program';
  return files.some(isExecutable) ? undefined : 'there is no permission to execute it';
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
