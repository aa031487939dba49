/**
 * The program `fusermount3`, which mounts for users who may not, and stays: when our end of its socket is gone, because it was closed or
 * because this process has died in any way, it unmounts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { UsageError } from '@nbdjs/interfaces';
import { createDescriptorInlet, type DescriptorInlet } from '@nbdjs/syscalls';

const program = 'fusermount3';

/** How long it may take to mount, and to unmount, in milliseconds. */
const mountMs = 10_000;
const unmountMs = 10_000;

/** How long it may take to find that nothing is left to unmount, in milliseconds. */
const watcherMs = 2000;

/** A mount as the kernel has it. */
export interface KernelMount {
  /** Of `/dev/fuse`; it is the caller's. */
  readonly fd: number;
  /** Tells the program that the mount has ended: it unmounts what is left. Settles when it has, or after some time. */
  end(): Promise<void>;
}

/**
 * Mounts at a path. `options` are those of `mount`, separated by commas.
 *
 * @throws UsageError where it is not possible, with the reason.
 */
export async function mountByProgram(path: string, options: string): Promise<KernelMount> {
  const inlet = createDescriptorInlet();
  if (inlet === undefined) {
    const message = 'mounting needs Linux, the native calls of @nbdjs/syscalls (koffi), and a 64-bit machine';
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  try {
    const child = start(['-o', options, '--', path], inlet.childEnd);
    inlet.closeChildEnd();
    const failure = failureOf(child);
    const fd = await inlet.receive(mountMs);
    if (fd !== undefined) {
      detach(child);
      return { fd, end: () => endOf(child, inlet) };
    }
    child.kill();
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `cannot mount at ${path}: ${await failure}`);
  } catch (error) {
    inlet.close();
    throw error;
  }
}

/**
 * Unmounts. With `isLazy` the path is free at once, and programs that have the file open keep it; otherwise they prevent it.
 *
 * @throws UsageError with the program's reason.
 */
export async function unmountByProgram(path: string, isLazy: boolean): Promise<void> {
  const child = start(['-u', ...(isLazy ? ['-z'] : []), '--', path]);
  const timer = setTimeout(() => child.kill('SIGKILL'), unmountMs);
  try {
    const failure = await failureOf(child);
    if (failure !== undefined) throw new UsageError('ERR_NBD_STATE', `cannot unmount ${path}: ${failure}`);
  } finally {
    clearTimeout(timer);
  }
}

function start(args: readonly string[], socket?: number): ChildProcess {
  const environment = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/local/bin:/usr/bin:/bin` };
  // The lowest number that is not one of the standard streams.
  return spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe', ...(socket === undefined ? [] : [socket])],
    env: socket === undefined ? environment : { ...environment, _FUSE_COMMFD: '3' },
    cwd: '/',
  });
}

/** Resolves to the reason for which the program has failed, in one line, or to `undefined` when it has not. */
function failureOf(child: ChildProcess): Promise<string | undefined> {
  const parts: Buffer[] = [];
  child.stderr?.on('data', (part: Buffer) => parts.push(part));
  return new Promise((resolve) => {
    child.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ENOENT' ? `there is no program ${program}: install the package fuse3` : error.message);
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(undefined);
      const said = Buffer.concat(parts).toString().trim().split('\n').at(-1) ?? '';
      const reason = said.replace(/^fusermount3?: /, '');
      resolve(reason || `${program} has ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}

/** It goes on for as long as the mount, and does not keep us alive. */
function detach(child: ChildProcess): void {
  child.stderr?.destroy();
  child.unref();
}

async function endOf(child: ChildProcess, inlet: DescriptorInlet): Promise<void> {
  inlet.close();
  if (child.exitCode !== null || child.signalCode !== null) return;
  let timer: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    timer = setTimeout(resolve, watcherMs);
  });
  clearTimeout(timer);
}
