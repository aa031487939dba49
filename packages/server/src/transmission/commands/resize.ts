/** RESIZE, of the specification's resize extension. */
import { CommandError, type Offset } from '@nbdjs/interfaces';
import type { CommandContext } from './command-context.ts';

/**
 * Changes the size of the device. It becomes longer for all its clients, and shorter only for its only client (R2, R5).
 *
 * @throws CommandError EPERM when another client uses a device that is to become shorter.
 */
export function resize({ device, users, validator }: CommandContext, size: Offset): void | Promise<void> {
  if (size < device.geometry.size && users.of(device) > 1) {
    throw new CommandError('EPERM', 'other clients use the export, it cannot become shorter');
  }
  const work = device.resizing?.resize(size);
  if (work === undefined) validator.measure();
  return work?.then(() => validator.measure());
}
