/** Starting programs so that none outlives us, and telling how they ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { ConnectError } from '@nbdjs/interfaces';

/** How a program came to its end. */
export interface CommandEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: ('inherit' | 'ignore' | 'pipe' | number)[];
}

/** When we exit, programs have this long to end in order before they are killed. */
const lastPatienceMs = 300;

/** Programs that are still running, and what is to be cleared away behind each. */
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
  // The shell would only say `not found` on its standard error; looking first gives an error of our own.
  const obstacle = whyNotStartable(command[0] ?? '', options.env.PATH);
  return new Promise((resolve, reject) => {
    if (obstacle !== undefined) throw commandError(command, obstacle);
    const child = spawn('/bin/sh', ['-c', script, 'sh', ...command], options);
    child.on('error', (cause) => reject(commandError(command, `it cannot be started: ${cause.message}`, cause)));
    child.on('spawn', () => resolve(child));
  });
}

/** Ends the program with us; `cleanUp` is called when it is gone. Gives how it ended. */
export function keepTrack(child: ChildProcess, cleanUp: () => void): Promise<CommandEnd> {
  if (running.size === 0) process.on('exit', endAll);
  running.set(child, cleanUp);
  // Waiting for the program is the business of whoever disposes of it, not a reason to stay alive.
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

/** No event will come any more, so this waits in place, and not for long. */
function endAll(): void {
  for (const child of running.keys()) child.kill('SIGTERM');
  const deadline = performance.now() + lastPatienceMs;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (performance.now() < deadline && [...running.keys()].some(isAlive)) Atomics.wait(cell, 0, 0, 5);
  for (const [child, cleanUp] of running) {
    child.kill('SIGKILL');
    cleanUp();
  }
}

/** Nobody has reaped the program, so its number is still its own; it has ended when the system calls it a zombie. */
function isAlive({ pid }: ChildProcess): boolean {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return status.charAt(status.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    // Where the system does not tell, there is no point in waiting longer than it takes to be polite.
    return process.platform !== 'linux';
  }
}

/** What stands against starting a program, or nothing. */
function whyNotStartable(program: string, path = '/usr/local/bin:/usr/bin:/bin'): string | undefined {
  if (program === '') return 'no program is named';
  const candidates = program.includes('/') ? [program] : path.split(delimiter).map((folder) => join(folder, program));
  const files = candidates.filter(isFile);
  if (files.length === 0) return 'there is no such program';
  return files.some(isExecutable) ? undefined : 'it may not be executed';
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
