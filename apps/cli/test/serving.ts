/** `nbd serve` for one test at a time. */
import { statSync } from 'node:fs';
import type { Generation } from '@nbdjs/peers/local';
import { expect } from 'vitest';
import { nbdWith, type Outcome } from './harness.ts';
import { inWorkspace as inPlainWorkspace, workspace } from './workspace.ts';

export { workspace } from './workspace.ts';

const ends: (() => Promise<Outcome>)[] = [];

/** Gives each test of the block a workspace, and ends what it serves. */
export function inWorkspace(generation: Generation): void {
  inPlainWorkspace(generation, async () => {
    for (const end of ends.splice(0)) expect(await end()).toMatchObject({ code: 0, stdout: '' });
  });
}

/** Serves on a socket in the workspace until the test ends; gives its URI as the peer sees it. */
export async function serve(...argv: readonly string[]): Promise<(exportName?: string) => string> {
  const name = `s${ends.length}`;
  const socket = workspace.socketPath(name);
  const file = () => statSync(socket, { throwIfNoEntry: false })?.ino;
  const before = file();
  const abort = new AbortController();
  const running = nbdWith({ signal: abort.signal }, 'serve', '--socket', socket, ...argv);
  ends.push(() => {
    abort.abort(new Error('the test is over'));
    return running;
  });
  // Another file than a dead server has left there.
  await expect.poll(() => file() ?? before).not.toBe(before);
  return (exportName = '') => `nbd+unix:///${exportName}?socket=${workspace.peerPath(name)}`;
}

/** Ends the server that was started last, before the test is over. */
export async function endLast(): Promise<Outcome | undefined> {
  return ends.pop()?.();
}
