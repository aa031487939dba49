/** What was read from a store is not what was written there, or not for this version. */
import { CommandError } from '@nbdjs/interfaces';

/** The error for an object whose content is wrong: `what` it is, and why it cannot be used. */
export function formatError(what: string, why: string): CommandError {
  return new CommandError('EIO', `${what} is damaged, or not of nbdjs: ${why}`);
}
