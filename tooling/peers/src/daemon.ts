/** Daemons: processes that we caused but that are no children of ours, so that the system does not notify us when they end. */
import { readFileSync } from 'node:fs';
import { type Child, killGroup } from './child.ts';
import { trackChild } from './cleanup.ts';

export interface Daemon extends Pick<Child, 'exited' | 'kill'> {
  readonly pid: number;
}

const pollIntervalMs = 20;

/** Takes care of the daemon with that number, which leads a process group of its own. */
export function adoptDaemon(pid: number): Daemon {
  const start = startOf(pid);
  const isAlive = (): boolean => start !== undefined && startOf(pid) === start;
  const kill = (signal: NodeJS.Signals): boolean => {
    // The process id may belong to another process by now, unless processes of the group are left: these keep the number in use.
    return (isAlive() || startOf(pid) === undefined) && killGroup(pid, signal);
  };
  const untrack = trackChild({ kill });
  const exited = (async () => {
    while (isAlive()) await new Promise((resolve) => setTimeout(resolve, pollIntervalMs));
    untrack();
    return { code: null, signal: null };
  })();
  return { pid, exited, kill };
}

/** When a process started, which tells it from others that had or will have its number; nothing when it has ended. */
function startOf(pid: number): string | undefined {
  try {
    // The name in parentheses may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').pop()?.split(' ');
    return fields?.[0] === 'Z' ? undefined : fields?.[19];
  } catch {
    return undefined;
  }
}
