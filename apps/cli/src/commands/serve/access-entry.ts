/** Entries of `--allow` and `--deny`. */
import { spawnSync } from 'node:child_process';
import { argumentError } from '../../errors/argument-error.ts';

/** The prefix of an entry that is the name of a user. */
const userPrefix = 'user:';

/**
 * Returns an entry as the server takes it: a user's name becomes a number, and the server checks the rest.
 *
 * @throws UsageError when there is no such user.
 */
export function accessEntry(word: string): string {
  if (!word.startsWith(userPrefix)) return word;
  const name = word.slice(userPrefix.length);
  // id(1) also finds users that are in no file, such as those of a directory service.
  const { status, stdout } = spawnSync('id', ['-u', '--', name], { encoding: 'utf8', timeout: 10_000 });
  if (name === '' || status !== 0) throw argumentError(`there is no user '${name}' on this system`);
  return `uid:${stdout.trim()}`;
}
