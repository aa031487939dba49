/** The peers that use what is served in a workspace. */
import { runPeer } from '@nbdjs/peers';
import { expect } from 'vitest';
import { workspace } from './workspace.ts';

/** Runs a peer that has to succeed; gives what it printed. */
export async function peer(program: Parameters<typeof runPeer>[0], ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runPeer(program, workspace.generation, args);
  expect({ program, args, code, stderr }, stderr).toMatchObject({ code: 0 });
  return stdout.toString();
}
