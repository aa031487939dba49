/** `openFileDevice`: checks the path and the options, and opens a regular file or a block device of the system. */
import { UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import { type FileDeviceOptions, fileDeviceOptions, openFile } from './file-opening.ts';
import { type FileDevice, OpenFile } from './open-file.ts';

/**
 * Opens a regular file or a block device.
 *
 * @throws a system error that names the path, or UsageError when it is neither of the two, or longer than it may be.
 */
export async function openFileDevice(path: string, options: FileDeviceOptions = {}): Promise<FileDevice> {
  if (typeof path !== 'string' || path.includes('\0')) {
    const got = typeof path === 'string' ? JSON.stringify(path) : describeValue(path);
    const message = `openFileDevice: the path is ${got}, expected a string without NUL`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  return new OpenFile(await openFile(path, fileDeviceOptions.resolve('openFileDevice', options)));
}
