/** `openFileDevice`: checks the path and the options, and opens a regular file or a block device of the system. */
import { UsageError } from '@nbdjs/interfaces';
import { checkOptions, describeValue, type OptionChecks, optionChecks } from '@nbdjs/kit';
import { type FileDeviceOptions, openFile } from './file-opening.ts';
import { type FileDevice, OpenFile } from './open-file.ts';

const ofFile: OptionChecks<FileDeviceOptions> = {
  create: optionChecks.boolean,
  readOnly: optionChecks.boolean,
  size: optionChecks.bytes,
  truncate: optionChecks.boolean,
};

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
  checkOptions('openFileDevice', options, ofFile);
  return new OpenFile(await openFile(path, options));
}
