/**
 * Locks on files, which the system releases when a process ends, however it ends.
 *
 * Linux has `flock` (by native calls, or else by the program of that name), macOS and Windows a flag for opening.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { constants as systemConstants } from 'node:os';
import { UsageError } from '@nbdjs/interfaces';
import { native } from './native.ts';
import { systemError } from './system-error.ts';

/** A lock that this process has. */
export interface FileLock {
  /** Gives it up. May be called more than once. */
  release(): void;
}

/** Exclusive, and without a wait. */
const lockExclusive = 2;
const lockNow = 4;

/** Flags of `open` that lock, as the systems number them. Windows: libuv's number. */
const lockingFlags: Partial<Record<NodeJS.Platform, number>> = {
  darwin: 0x20 | constants.O_NONBLOCK,
  freebsd: 0x20 | constants.O_NONBLOCK,
  win32: 0x1000_0000,
};

/** What opening a file says that another process has locked. */
const busyCodes: ReadonlySet<unknown> = new Set(['EAGAIN', 'EWOULDBLOCK', 'EBUSY', 'EACCES', 'EPERM']);

/** The program `flock` exits with this when the lock is taken. */
const takenExitCode = 1;

/**
 * Locks a file against all others that lock it by this function or by `flock`, in this process and in others; it does not keep anybody from
 * reading or writing. The file is made if it is not there. Does not wait. File systems of a network lock for all machines where they can.
 *
 * @returns `undefined` when the file is locked already.
 * @throws a system error when the file cannot be opened or locked; UsageError `ERR_NBD_NOT_SUPPORTED` where there is no way to lock files.
 */
export async function lockFile(path: string): Promise<FileLock | undefined> {
  const flag = lockingFlags[process.platform];
  if (flag !== undefined) return lockByOpening(path, flag);
  return native() === undefined ? lockByProgram(path) : lockByCall(path);
}

function lockByCall(path: string): FileLock | undefined {
  const functions = native();
  if (functions === undefined) return undefined;
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o666);
  if (Number(functions.flock(fd, lockExclusive | lockNow)) === 0) return lockOf(fd);
  const errorNumber = functions.errno();
  closeSync(fd);
  if (errorNumber === systemConstants.errno.EWOULDBLOCK) return undefined;
  throw Object.assign(systemError('flock', errorNumber), { path });
}

function lockByOpening(path: string, flag: number): FileLock | undefined {
  // So that a file which cannot be opened at all is not taken for one that is locked.
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o666));
  try {
    return lockOf(openSync(path, constants.O_RDWR | flag));
  } catch (error) {
    if (busyCodes.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

function lockOf(fd: number): FileLock {
  let isHeld = true;
  return {
    release: () => {
      if (isHeld) closeSync(fd);
      isHeld = false;
    },
  };
}

/** The program holds the lock until its input ends, which it does when this process ends. */
async function lockByProgram(path: string): Promise<FileLock | undefined> {
  closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o666));
  // Few processes need it.
  const { spawn } = await import('node:child_process');
  const child = spawn('flock', ['-x', '-n', path, 'sh', '-c', 'echo locked; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const outcome = await new Promise<'locked' | 'taken' | { readonly cause: unknown }>((resolve) => {
    child.on('error', (cause) => resolve({ cause }));
    child.stdin.on('error', () => {});
    child.stdout.once('data', () => resolve('locked'));
    child.on('close', (code) => resolve(code === takenExitCode ? 'taken' : { cause: `flock has exited with ${code}` }));
  });
  if (outcome === 'taken') return undefined;
  if (outcome !== 'locked') {
    const message = `${path} cannot be locked: neither native calls nor the program flock are there`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message, outcome);
  }
  stopKeepingAlive(child);
  return { release: () => void child.stdin.end() };
}

/** The lock ends with this process, and not the other way round. */
function stopKeepingAlive(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?: () => void } | null)?.unref?.();
}
