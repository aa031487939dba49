/** Whether a device is in use, and writing what the kernel has of it in memory. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { UsageError } from '@nbdjs/interfaces';

/**
 * Makes sure that a device is not in use (mounted, say), keeps it so, and has the kernel write all that it has of it. The caller closes the
 * handle when the device is detached. `canWrite` is off for a device that nobody answers for, and which could not be written.
 *
 * @throws UsageError `ERR_NBD_STATE` when it is in use; a system error when it cannot be written.
 */
export async function quiesce(path: string, canWrite = true): Promise<FileHandle> {
  const handle = await openExclusively(path);
  try {
    if (canWrite) await handle.sync();
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function openExclusively(path: string): Promise<FileHandle> {
  try {
    // Of a block device, "exclusive" means that nothing in the kernel has it: no file system, no swap, no other device over it.
    return await open(path, constants.O_RDONLY | constants.O_EXCL);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EBUSY')) throw error;
    const message = `${path} is in use: a file system on it is mounted, for example`;
    throw new UsageError('ERR_NBD_STATE', message, { cause: error });
  }
}
