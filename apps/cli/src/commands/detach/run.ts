/** `nbd detach`: detaches devices of the kernel. */
import { detachDevice, listAttachedDevices } from '@nbdjs/attach';
import { argumentError } from '../../errors/argument-error.ts';
import { oneLine } from '../../errors/one-line.ts';
import type { CommandContext } from '../../options/command-context.ts';
import type { DetachCommandOptions } from './command.ts';

export async function run(
  { terminal }: CommandContext,
  { all, force, timeout, via }: DetachCommandOptions,
  given: readonly string[],
): Promise<number> {
  if (all === true && given.length > 0) throw argumentError('--all and devices exclude each other');
  if (all !== true && given.length === 0)
    throw argumentError('give the devices to detach, such as /dev/nbd0, or --all');
  const paths = all === true ? listAttachedDevices().map(({ path }) => path) : given;
  let failures = 0;
  for (const path of paths) {
    terminal.signal.throwIfAborted();
    try {
      await detachDevice(path, { force, flushTimeoutMs: timeout === undefined ? undefined : 1000 * timeout, via });
    } catch (error) {
      // The others are detached all the same.
      if (paths.length === 1) throw error;
      terminal.note(`nbd: ${oneLine(error)}`);
      failures++;
    }
  }
  return failures === 0 ? 0 : 1;
}
