/** Counting system calls by strace. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnChild } from '@nbdjs/peers/local';
import { runMeasured } from './measured-command.ts';
import { type CallCounts, parseStraceTable } from './strace-table.ts';

const strace = '/usr/bin/strace';

export function hasStrace(): boolean {
  return existsSync(strace);
}

/** The calls of a command, from its start to its end. `wrap` is applied to the whole, strace included. */
export async function callsOfCommand(
  command: readonly [string, ...string[]],
  wrap: (command: readonly [string, ...string[]]) => [string, ...string[]],
): Promise<CallCounts> {
  return withTable(async (path) => {
    await runMeasured(wrap([strace, '-c', '-f', '-o', path, ...command]));
  });
}

/**
 * The calls of a program that does so many requests: it prints `begin`, waits for a line, does them, prints a line, and waits for the end of
 * its input. Only what is between these lines is counted.
 */
export async function callsBetweenLines(command: readonly [string, ...string[]]): Promise<CallCounts> {
  const child = spawnChild(command, { stdio: ['pipe', 'pipe', 'inherit'] });
  const { stdin, stdout, pid = 0 } = child.process;
  if (stdin === null || stdout === null) throw new Error('pipes for input and output were expected, got none');
  const line = async (): Promise<void> => {
    const isThere = await Promise.race([once(stdout, 'data').then(() => true), child.exited.then(() => false)]);
    if (!isThere) throw new Error(`${command.join(' ')} ended early`);
  };
  try {
    await line();
    return await callsOfProcess(pid, async () => {
      stdin.write('\n');
      await line();
    });
  } finally {
    stdin.end();
    await child.exited;
  }
}

/** The calls of a process that runs already, while the work is done. */
export async function callsOfProcess(pid: number, work: () => Promise<unknown>): Promise<CallCounts> {
  return withTable(async (path) => {
    const tracer = spawnChild([strace, '-c', '-f', '-o', path, '-p', String(pid)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const complaints = tracer.process.stderr as NonNullable<typeof tracer.process.stderr>;
    // It says so when it is attached.
    await Promise.race([once(complaints, 'data'), tracer.exited]);
    complaints.resume();
    try {
      await work();
    } finally {
      // By this it lets go of the process and writes its table.
      tracer.kill('SIGINT');
      await tracer.exited;
    }
  });
}

async function withTable(work: (path: string) => Promise<void>): Promise<CallCounts> {
  const folder = mkdtempSync(join(tmpdir(), 'nbdjs-calls-'));
  try {
    await work(join(folder, 'table'));
    return parseStraceTable(readFileSync(join(folder, 'table'), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
