/** Which sizes a disk can be given. */
import { CommandError, type Offset, UsageError } from '@nbdjs/interfaces';
import { blocksMax } from '../format/manifest.ts';

/** @throws UsageError `ERR_NBD_ARGUMENT` for what is no size; CommandError `ENOSPC` for one that needs too many objects. */
export function requirePossibleSize(next: Offset, blockBytes: number): number {
  const size = Number(next);
  if (!(Number.isSafeInteger(size) && size >= 0)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${next} is not a possible size`);
  }
  if (Math.ceil(size / blockBytes) > blocksMax) {
    const message = `a disk of ${size} bytes needs more than ${blocksMax} objects of ${blockBytes} bytes`;
    throw new CommandError('ENOSPC', message, { command: 'RESIZE' });
  }
  return size;
}
