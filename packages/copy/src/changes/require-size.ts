/** Whether changes are of the disk that a copy is of. */
import { type BlockDevice, UsageError } from '@nbdjs/interfaces';
import type { ChangesStart } from './entry.ts';

/** Images have whole sectors, so that a disk in one may be longer by a part of a sector. */
const sectorBytes = 512n;

/** @throws UsageError for a copy of another size. */
export function requireSize({ size }: ChangesStart, { geometry }: BlockDevice): void {
  const inSectors = size + ((sectorBytes - (size % sectorBytes)) % sectorBytes);
  if (geometry.size === size || geometry.size === inSectors) return;
  throw new UsageError(
    'ERR_NBD_OUT_OF_BOUNDS',
    `the changes are of a disk of ${size} bytes, and the copy has ${geometry.size}`,
  );
}
