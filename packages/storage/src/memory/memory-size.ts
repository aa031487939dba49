/** The size of a device in memory. */
import { sizeMax, UsageError } from '@nbdjs/interfaces';

/** As options are checked. Whether there can be so many bytes is another question. */
export const wholeBytes = {
  expected: 'a whole number of bytes, as a number or a bigint',
  holds: (value: unknown) => typeof value === 'bigint' || Number.isInteger(value),
};

/** @throws UsageError for a size that no device has. */
export function possibleSize(size: bigint): bigint {
  if (size < 0n || size > sizeMax) throw new UsageError('ERR_NBD_ARGUMENT', `${size} is not a possible size`);
  return size;
}
