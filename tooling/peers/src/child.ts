/** Child processes that end together with the process that started them. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { trackChild } from './cleanup.ts';

/** How a process ended; both are `null` when it is not known. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly process: ChildProcess;
  readonly exited: Promise<Exit>;
  /** Sends a signal to the process and to all that it started; false when none is there any more. */
  kill(signal: NodeJS.Signals): boolean;
}

/**
 * Has the kernel end a program when its parent is gone. That is for a test runner which is killed and cannot clean up;
 * it works through `exec`, so that the program keeps the number of the process which is spawned here.
 */
const endWithParent = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL'] : [];

/** Spawns a program in a process group of its own, so that what it starts in turn can be ended with it. */
export function spawnChild(command: readonly string[], options: Pick<SpawnOptions, 'stdio' | 'env'>): Child {
  const [program, ...args] = [...endWithParent, ...command];
  const child = spawn(program as string, args, { ...options, detached: true });
  const kill = (signal: NodeJS.Signals): boolean => child.pid !== undefined && killGroup(child.pid, signal);
  const untrack = trackChild({ kill });
  const exited = new Promise<Exit>((resolve) => {
    child.on('error', () => resolve({ code: null, signal: null }));
    child.on('exit', (code, signal) => resolve({ code, signal }));
  });
  void exited.then(untrack);
  return { process: child, exited, kill };
}

export function killGroup(leader: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(-leader, signal);
  } catch {
    return false;
  }
}
