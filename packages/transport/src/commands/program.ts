/** Starting programs that end with this process at the latest, and reporting how they ended. */
import type { ChildProcess } from 'node:child_process';
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, resolve } from 'node:path';
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
  readonly cwd?: string | undefined;
  /** Whether the program gets a process group of its own. */
  readonly detached: boolean;
  readonly stdio: ('inherit' | 'ignore' | 'pipe' | number)[];
}

/** How long programs have to end when this process exits, in milliseconds; then they are killed. */
const exitMs = 300;

/** A program that is still running. */
interface Tracked {
  /** Removes what it leaves behind. */
  readonly cleanUp: () => void;
  readonly hasGroup: boolean;
}

const running = new Map<ChildProcess, Tracked>();

/** The signals by which a terminal ends a process with its group, which the groups of our programs are not a part of. */
const endings = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

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
  const obstacle = obstacleOf(command[0] ?? '', options);
  return new Promise((started, failed) => {
    if (obstacle !== undefined) throw commandError(command, obstacle);
    const child = childProcess().spawn('/bin/sh', ['-c', script, 'sh', ...command], options);
    child.on('error', (cause) => failed(commandError(command, `it cannot be started: ${cause.message}`, cause)));
    child.on('spawn', () => started(child));
  });
}

/**
 * Sends a signal to a program, and to its group if it has one.
 *
 * @returns whether there was a process to receive it.
 */
export function signalProgram(child: ChildProcess, hasGroup: boolean, signal: NodeJS.Signals): boolean {
  if (!hasGroup || child.pid === undefined) return child.kill(signal);
  try {
    return process.kill(-child.pid, signal);
  } catch {
    // No process of the group is left.
    return false;
  }
}

/**
 * Makes the program end with this process. Calls `cleanUp` when it has ended, and resolves to how. What is left of its group then is
 * killed.
 */
export function keepTrack(child: ChildProcess, hasGroup: boolean, cleanUp: () => void): Promise<CommandEnd> {
  if (running.size === 0) process.on('exit', endAll);
  running.set(child, { cleanUp, hasGroup });
  listenForEndings();
  // A running program alone does not keep this process alive; `dispose` waits for it.
  child.unref();
  return new Promise((ended) => {
    child.on('exit', (code, signal) => {
      if (hasGroup) signalProgram(child, hasGroup, 'SIGKILL');
      running.delete(child);
      if (running.size === 0) process.off('exit', endAll);
      listenForEndings();
      cleanUp();
      ended({ code, signal });
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

/** Listens for endings while a program has a group of its own, and stops with the last of them. */
function listenForEndings(): void {
  const isNeeded = [...running.values()].some(({ hasGroup }) => hasGroup);
  for (const signal of endings) {
    process.off(signal, endBy);
    if (isNeeded) process.on(signal, endBy);
  }
}

/** Ends the programs and then this process, as it would end without us. Where others listen, they decide what becomes of it. */
function endBy(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  endAll();
  process.off(signal, endBy);
  process.kill(process.pid, signal);
}

/** The process is exiting and no event will come any more, so this blocks the thread, for a short time. */
function endAll(): void {
  for (const [child, { hasGroup }] of running) signalProgram(child, hasGroup, 'SIGTERM');
  const deadline = performance.now() + exitMs;
  const cell = new Int32Array(new SharedArrayBuffer(4));
  while (performance.now() < deadline && [...running.keys()].some(isAlive)) Atomics.wait(cell, 0, 0, 5);
  for (const [child, { cleanUp, hasGroup }] of running) {
    signalProgram(child, hasGroup, 'SIGKILL');
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
function obstacleOf(program: string, { cwd = '.', env }: ProgramOptions): string | undefined {
  const { PATH: path = '/usr/local/bin:/usr/bin:/bin' } = env;
  if (program === '') return 'no program is named';
  if (!isFolder(cwd)) return `there is no folder ${cwd} to start it in`;
  const candidates = program.includes('/')
    ? [resolve(cwd, program)]
    : path.split(delimiter).map((folder) => resolve(cwd, folder, program));
  const files = candidates.filter(isFile);
  if (files.length === 0) return 'there is no such program';
  return files.some(isExecutable) ? undefined : 'there is no permission to execute it';
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
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
