/** Entries of `--allow` and `--deny`. */
import { spawnSync } from 'node:child_process';
import { UsageError } from '@nbdjs/interfaces';

/** What stands for a user by name. */
const userPrefix = 'user:';

/**
 * An entry as the server takes it: users by name become numbers, and the server checks the rest.
 *
 * @throws UsageError when there is no such user.
 */
export function accessEntry(word: string): string {
  if (!word.startsWith(userPrefix)) return word;
  const name = word.slice(userPrefix.length);
  // The system's own program knows of users that stand in no file.
  const { status, stdout } = spawnSync('id', ['-u', '--', name], { encoding: 'utf8', timeout: 10_000 });
  if (name === '' || status !== 0)
    throw new UsageError('ERR_NBD_ARGUMENT', `there is no user '${name}' on this system`);
  return `uid:${stdout.trim()}`;
}
