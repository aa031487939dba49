/** The names of devices. */
import { UsageError } from '@nbdjs/interfaces';

/** Returns the path of a device. */
export function devicePath(index: number): string {
  return `/dev/nbd${index}`;
}

/**
 * Returns the number in `/dev/nbdN` (or `nbdN`, or `N`).
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` for anything else, partitions among them.
 */
export function deviceIndex(path: string): number {
  const [, digits] = /^(?:(?:\/dev\/)?nbd)?(\d{1,5})$/.exec(path) ?? [];
  if (digits !== undefined) return Number(digits);
  const what = /^(\/dev\/)?nbd\d+p\d+$/.test(path)
    ? 'is a partition, give its device'
    : 'is not the name of an NBD device';
  throw new UsageError('ERR_NBD_ARGUMENT', `'${path}' ${what}, expected /dev/nbd0, for example`);
}
