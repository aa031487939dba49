/** Damage that a request meets: the image stays open, because other parts of it can be read. */
import { CommandError } from '@nbdjs/interfaces';

/**
 * @param place where in the image it is, such as `the L2 entry at byte 65536`
 * @param message what was expected, and what was found
 */
export function damage(place: string, message: string, cause?: unknown): CommandError {
  return new CommandError('EIO', `the image is damaged: ${place}: ${message}`, { cause });
}
