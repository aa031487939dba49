/** Where a mount goes: the forms of its path. */
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { UsageError } from '@nbdjs/interfaces';

/** The place of a mount. */
export interface MountPoint {
  /** What is mounted over: an absolute path without symbolic links. */
  readonly path: string;
  readonly kind: 'file' | 'directory';
  /** In a directory: the name of the file. */
  readonly name: string;
}

/** The name of the file in a directory. */
const defaultFileName = 'nbd';

/**
 * Finds the place of one file: a plain file that is mounted over, an empty directory, in which it is `nbd`, or a name in one.
 *
 * @throws UsageError when there is no such place; errors of the system.
 */
export async function findMountPoint(path: string): Promise<MountPoint> {
  const stats = await statOf(path);
  if (stats === undefined) {
    const directory = dirname(resolve(path));
    const parent = await statOf(directory);
    if (parent?.isDirectory() === true) return newName(directory, basename(path));
    throw new UsageError('ERR_NBD_ARGUMENT', `${path}: expected a plain file, an empty directory, or a name in one`);
  }
  if (stats.isDirectory()) return emptyDirectory(path, defaultFileName);
  if (stats.isFile()) return { path: await realpath(path), kind: 'file', name: basename(path) };
  throw new UsageError('ERR_NBD_ARGUMENT', `${path}: neither a plain file nor a directory`);
}

/**
 * Finds the place of several files: an empty directory.
 *
 * @throws UsageError when it is none; errors of the system.
 */
export async function findMountDirectory(path: string): Promise<MountPoint> {
  const stats = await statOf(path);
  if (stats?.isDirectory() === true) return emptyDirectory(path, defaultFileName);
  throw new UsageError('ERR_NBD_ARGUMENT', `${path}: expected an empty directory for several files`);
}

/** A file that is not there has to be alone in its directory. */
async function newName(directory: string, name: string): Promise<MountPoint> {
  return emptyDirectory(directory, name, `there is no file ${name} in ${directory} to mount over, and `);
}

/** A mount hides what is in its directory: a user who gives the name of a new file does not expect its neighbours to vanish. */
async function emptyDirectory(directory: string, name: string, before = ''): Promise<MountPoint> {
  const path = await realpath(directory);
  const [first] = await readdir(path);
  if (first === undefined) return { path, kind: 'directory', name };
  throw new UsageError(
    'ERR_NBD_ARGUMENT',
    `${before}${directory} is not empty, and the mount would hide what is in it: expected an empty directory, or a plain file that is there`,
  );
}

async function statOf(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code !== 'ENOTCONN') throw error;
    const message = `${path} is a dead mount, whose program has gone: end it by fusermount3 -u`;
    throw new UsageError('ERR_NBD_ARGUMENT', message, { cause: error });
  }
}
