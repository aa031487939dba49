/** The check that each call makes before it does anything. */
import { type Offset, UsageError } from '@nbdjs/interfaces';

/**
 * Returns where a range begins. Disks end below 2^53, so that plain numbers will do.
 *
 * @throws UsageError `ERR_NBD_OUT_OF_BOUNDS` for a range that is not wholly inside, `ERR_NBD_ARGUMENT` for numbers that are not whole.
 */
export function requireRange(size: number, offset: Offset, length: Offset): number {
  for (const value of [offset, length]) {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) {
      throw new UsageError('ERR_NBD_ARGUMENT', `the number ${value} is not a safe integer; use a bigint`);
    }
  }
  if (offset < 0 || length < 0 || BigInt(offset) + BigInt(length) > BigInt(size)) {
    const message = `${length} bytes at ${offset} are not inside of a disk of ${size} bytes`;
    throw new UsageError('ERR_NBD_OUT_OF_BOUNDS', message);
  }
  return Number(offset);
}
