/** Changing the size of a disk that no one has open. */
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { openDisk } from '../disk/open-disk.ts';
import { type OpenDiskOptions, openDiskOptions, storeUseOptions } from '../disk/options.ts';
import type { ObjectStore } from '../store/object-store.ts';

const { takeOver, signal, onWait, label } = openDiskOptions.definitions;

export const resizeDiskOptions = defineOptions({
  ...storeUseOptions.definitions,
  /** Ends the wait for another writer. @default none */
  signal,
  /** What to do when another writer has not given up the disk, as for `openDisk`. @default expired */
  takeOver,
  /** Called once when another writer is watched, before the wait. @default none */
  onWait,
  /** Who does it, for people. @default nbdjs */
  label,
  /** Allows the disk to become shorter: what lies behind its new end is lost, except in snapshots. @default false */
  shrink: option.boolean({
    default: false,
    doc: 'Allows the disk to become shorter: what lies behind its new end is lost, except in snapshots.',
  }),
});

/** How a disk is given another size. */
export interface ResizeDiskOptions extends OptionsOf<typeof resizeDiskOptions> {}

/**
 * Gives a disk another size, as its writer; what is added reads as zeroes. Snapshots keep theirs. A disk that is open is made longer by
 * `disk.resizing` where it is open. When it is interrupted, the disk has the old size with all that was there, or the new one. What is cut off
 * does not come back when the disk becomes longer again.
 *
 * @param size in bytes
 * @throws UsageError `ERR_NBD_STATE` when another writer has the disk, `ERR_NBD_ARGUMENT` for a size that is not possible, for one that is
 *   less than the present one without `shrink`, or an option that is unknown, wrong or missing. CommandError `ENOSPC` for a size that
 *   needs too many objects. StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no such disk, and what else the store throws.
 */
export async function resizeDisk(
  store: ObjectStore,
  disk: string,
  size: number | bigint,
  options: ResizeDiskOptions,
): Promise<void> {
  const { shrink } = resizeDiskOptions.resolve('resizeDisk', options);
  const opened = await openDisk(store, disk, openDiskOptions.pick(options) as OpenDiskOptions);
  try {
    const present = opened.geometry.size;
    if (size < present && !shrink) {
      const message = `disk '${disk}' has ${present} bytes, and would lose what lies behind ${size} (see the option shrink)`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    await opened.resizing?.resize(size);
  } finally {
    await opened.close();
  }
}
