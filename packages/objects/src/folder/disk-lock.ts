/** Which process has a disk open, for those that have locks on files in common: a second one need not wait for a lease. */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { lockFile } from '@nbdjs/syscalls';
import { openLayout } from './layout.ts';

/** Shows that no other process has the disk by such a lock. */
export interface DiskLock {
  /** For the option `identity` of `openDisk`: an earlier writer of this identity has ended. */
  readonly identity: string;
  /** Gives it up; to be called when the disk is closed. */
  release(): void;
}

const identity = 'lock of the folder';

/**
 * Locks a disk in a folder for as long as this process writes to it. Writers that were killed are replaced at once then, because the system
 * has released their locks. It is not needed for safety: where a file system does not lock between machines, the manifest still keeps
 * two writers apart.
 *
 * @param path the folder of the store
 * @returns `undefined` while another process has the lock
 * @throws StoreError `ERR_NBD_STORE_NOT_FOUND` when there is no store; a system error, or UsageError `ERR_NBD_NOT_SUPPORTED`, when it
 *   cannot be locked.
 */
export async function lockDisk(path: string, disk: string): Promise<DiskLock | undefined> {
  const { locks } = await openLayout(resolve(path));
  const name = createHash('sha256').update(disk).digest('hex').slice(0, 32);
  const lock = await lockFile(join(locks, `disk-${name}`));
  return lock && { identity, release: () => lock.release() };
}
