/** What is left of processes. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether a process runs; one that has ended and is not yet collected does not. */
export function isRunning(pid: number): boolean {
  return stateOf(pid) !== undefined;
}

/** The numbers of the processes in whose command line the text is. */
export function processesWith(text: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .map(Number)
    .filter((pid) => isRunning(pid) && commandLineOf(pid).includes(text));
}

/** Waits until something is so, for five seconds at most; tells whether it is. */
export async function eventually(isSo: () => boolean): Promise<boolean> {
  for (const deadline = performance.now() + 5000; performance.now() < deadline; await sleep(10))
    if (isSo()) return true;
  return isSo();
}

function stateOf(pid: number): string | undefined {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').pop()?.[0];
    return state === 'Z' || state === 'X' ? undefined : state;
  } catch {
    return undefined;
  }
}

function commandLineOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
