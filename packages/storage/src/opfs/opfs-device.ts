/** A device over a file of the origin private file system (OPFS) of a browser. */
import { type BlockDevice, CommandError, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks, type SettingsOf } from '@nbdjs/kit';
import { createBlobDevice } from '../blob/blob-device.ts';
import { defineDevice } from '../defined/define-device.ts';
import { storageError } from '../web/storage-error.ts';
import { findFile } from './find-file.ts';
import type { FileHandle } from './handles.ts';
import { SyncFile } from './sync-file.ts';

export const opfsDeviceOptions = defineOptions({
  /** Whether the file is opened for reading only. @default false */
  readOnly: option.boolean({ default: false, doc: 'Whether the file is opened for reading only.' }),
  /** Make the file, and the folders of its path, when they do not exist. @default false */
  create: option.boolean({
    default: false,
    doc: 'Make the file, and the folders of its path, when they do not exist.',
  }),
  /** Give the file this length, in bytes; one that is longer is refused unless `truncate` is set. */
  size: option.checked<number | bigint>(optionChecks.bytes, {
    defaultText: 'the length that it has',
    doc: 'Give the file this length; one that is longer is refused unless `truncate` is set.',
  }),
  /** Cut off what a file has beyond `size`. @default false */
  truncate: option.boolean({ default: false, doc: 'Cut off what a file has beyond `size`.' }),
});

/** How a file of the origin private file system is opened. */
export interface OpfsDeviceOptions extends OptionsOf<typeof opfsDeviceOptions> {}

/**
 * Opens a file of the origin private file system, which only pages of the same origin can see.
 *
 * To write, it has to be called in a dedicated worker: there the browser opens files for access in place, and every call answers at once.
 * The file is locked until the device is closed. In a page, a file can be opened with `readOnly`; it is then read as it was when it
 * was opened.
 *
 * @param file a path from the root of the file system on, with `/` between the names, or a `FileSystemFileHandle`
 * @throws UsageError `ERR_NBD_NOT_SUPPORTED` when it is opened for writing outside of a dedicated worker, or there is no such file
 *   system; `ERR_NBD_ARGUMENT` when the file is longer than `size`.
 * @throws CommandError when the file is not there (`EIO`), is open elsewhere (`EPERM`), or has no room (`ENOSPC`).
 */
export async function openOpfsDevice(file: FileHandle | string, options: OpfsDeviceOptions = {}): Promise<BlockDevice> {
  const settings = opfsDeviceOptions.resolve('openOpfsDevice', options);
  const handle = await findFile(file, settings.create && !settings.readOnly);
  if (handle.createSyncAccessHandle === undefined) return openInPage(handle, settings.readOnly);
  const open = await openInWorker(handle, settings.readOnly);
  try {
    resize(open, settings);
    return deviceOf(open, settings.readOnly);
  } catch (error) {
    await open.close();
    throw error;
  }
}

/** Pages can replace a file as a whole only, which is of no use to a device. */
async function openInPage(handle: FileHandle, readOnly: boolean): Promise<BlockDevice> {
  if (!readOnly) {
    const message = `openOpfsDevice: ${handle.name} can be written in a dedicated worker only; here, open it with readOnly`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  try {
    return createBlobDevice(await handle.getFile());
  } catch (error) {
    throw storageError(`opening ${handle.name}`, error);
  }
}

async function openInWorker(handle: FileHandle, readOnly: boolean): Promise<SyncFile> {
  try {
    const open = await handle.createSyncAccessHandle?.({ mode: readOnly ? 'read-only' : 'readwrite' });
    if (open === undefined) throw new Error('the browser has returned no handle');
    return new SyncFile(handle.name, open);
  } catch (error) {
    throw storageError(`opening ${handle.name} (another device may have it open)`, error);
  }
}

function resize(file: SyncFile, { size, truncate, readOnly }: SettingsOf<typeof opfsDeviceOptions>): void {
  const present = file.size;
  if (size === undefined || readOnly || BigInt(present) === BigInt(size)) return;
  if (present > size && !truncate) {
    const message = `${file.name} has ${present} bytes, expected ${size} at most: what is longer is cut off only with 'truncate'`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  if (size > Number.MAX_SAFE_INTEGER) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${file.name} cannot be given a length of ${size} bytes`);
  }
  file.resize(Number(size));
}

function deviceOf(file: SyncFile, readOnly: boolean): BlockDevice {
  const read = (offset: number, target: Uint8Array): void => file.read(offset, target);
  const close = (): Promise<void> => file.close();
  if (readOnly) return defineDevice({ size: file.size, read, close });
  return defineDevice({
    size: file.size,
    read,
    write: (offset, source) => file.write(offset, source),
    flush: () => file.flush(),
    writeZeroes: (offset, length, { signal, fastZero }) => {
      if (fastZero === true) throw new CommandError('ENOTSUP', 'zeroing is not quicker than writing');
      return file.writeZeroes(offset, length, signal);
    },
    close,
  });
}
