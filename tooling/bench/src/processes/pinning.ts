/** Which processor a program runs on. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';

export type Role = 'client' | 'server';

const taskset = '/usr/bin/taskset';

/** A client that takes turns with its server on one processor costs time that says nothing about either. */
const processorOf: Readonly<Record<Role, number>> = { server: 0, client: 1 };

/** Puts clients on one processor and servers on another, if it is on. */
export class Pinning {
  readonly isOn: boolean;
  /** For people: what is done, or why nothing is. */
  readonly text: string;

  constructor(isWanted: boolean) {
    const obstacle = !isWanted
      ? 'switched off'
      : availableParallelism() < 2
        ? 'one processor'
        : existsSync(taskset)
          ? undefined
          : 'no taskset';
    this.isOn = obstacle === undefined;
    this.text = this.isOn
      ? `server on processor ${processorOf.server}, client on processor ${processorOf.client}`
      : `off (${obstacle})`;
  }

  /** The command line that runs a program where its role belongs. The process that it becomes is the program itself. */
  command(role: Role, command: readonly [string, ...string[]]): [string, ...string[]] {
    return this.isOn ? [taskset, '-c', String(processorOf[role]), ...command] : [...command];
  }

  /** Moves a process that runs already, with all its threads. */
  move(role: Role, pid: number): void {
    if (this.isOn) spawnSync(taskset, ['-a', '-c', '-p', String(processorOf[role]), String(pid)]);
  }
}
