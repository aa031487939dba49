/** When a process that has started peers ends, in any way, the peers end as well. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { describePeers } from '../src/index.ts';
import { eventually, isRunning } from './support/processes.ts';

const runner = fileURLToPath(new URL('./support/runner.ts', import.meta.url));
const hook = new URL('../../vitest/typescript-hook.mjs', import.meta.url).href;

interface Started {
  readonly pids: readonly number[];
  readonly folder: string;
}

async function startRunner(generation: string, ending: string): Promise<[ChildProcess, Started]> {
  const child = spawn(process.execPath, ['--import', hook, runner, generation, ending], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  for await (const part of child.stdout.setEncoding('utf8')) {
    text += part;
    if (text.includes('\n')) break;
  }
  return [child, JSON.parse(text) as Started];
}

describePeers('clean-up', ['nbdkit', 'nbd-server'], (generation) => {
  it.each([
    ['exit', undefined],
    ['uncaught', undefined],
    ['wait', 'SIGINT'],
    ['wait', 'SIGTERM'],
  ] as const)('after %s %s', async (ending, signal) => {
    const [child, { pids, folder }] = await startRunner(generation, ending);
    const ended = new Promise((resolve) => {
      if (child.exitCode !== null) resolve([child.exitCode, null]);
      child.on('exit', (...how) => resolve(how));
    });
    if (signal !== undefined) child.kill(signal);
    const code = ending === 'exit' ? 0 : ending === 'uncaught' ? 1 : null;
    expect(await ended).toEqual([code, signal ?? null]);
    expect(await eventually(() => !pids.some(isRunning))).toBe(true);
    expect(existsSync(folder)).toBe(false);
  });

  it('after the runner was killed, at least of what is its child', async () => {
    const [child, { pids, folder }] = await startRunner(generation, 'wait');
    const [kit, reference] = pids as [number, number];
    child.kill('SIGKILL');
    expect(await eventually(() => !isRunning(kit))).toBe(true);
    // Nothing tells a daemon, so that it is up to this test, which knows that it is its own.
    if (generation === 'bookworm') process.kill(-reference, 'SIGKILL');
    expect(await eventually(() => !isRunning(reference))).toBe(true);
    rmSync(folder, { recursive: true });
  });
});
