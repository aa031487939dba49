/** Finding a file of the origin private file system by its path. */
import { UsageError } from '@nbdjs/interfaces';
import { describeValue } from '@nbdjs/kit';
import { storageError } from '../web/storage-error.ts';
import type { FileHandle, FolderHandle } from './handles.ts';

interface StorageManager {
  getDirectory?(): Promise<FolderHandle>;
}

/**
 * @param file a path from the root of the origin private file system on, or the handle of a file
 * @throws CommandError when it is not there and is not to be made; UsageError when it can be no file, or there is no such file system.
 */
export async function findFile(file: FileHandle | string, create: boolean): Promise<FileHandle> {
  if (typeof file !== 'string') {
    if (typeof (file as Partial<FileHandle> | null)?.getFile === 'function') return file;
    throw bad(`the file is ${describeValue(file)}, expected a path or a FileSystemFileHandle`);
  }
  const folders = file.split('/').filter((name, index) => name !== '' || index > 0);
  const name = folders.pop();
  if (name === undefined || name === '' || [...folders, name].some((part) => part === '' || /^\.\.?$/.test(part))) {
    throw bad(`the path is '${file}', expected names with '/' between them, without '.' and '..'`);
  }
  let folder = await rootFolder();
  try {
    for (const part of folders) folder = await folder.getDirectoryHandle(part, { create });
    return await folder.getFileHandle(name, { create });
  } catch (error) {
    throw storageError(`opening ${file}`, error);
  }
}

async function rootFolder(): Promise<FolderHandle> {
  const { storage } = ((globalThis as { navigator?: unknown }).navigator ?? {}) as { storage?: StorageManager };
  if (storage?.getDirectory === undefined) {
    const message =
      'openOpfsDevice: there is no origin private file system here; browsers have it in secure contexts only';
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
  try {
    return await storage.getDirectory();
  } catch (error) {
    throw storageError('opening the origin private file system', error);
  }
}

function bad(reason: string): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', `openOpfsDevice: ${reason}`);
}
