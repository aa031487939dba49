/** Opens regular files and block devices only: opening a named pipe would wait until its other end is opened. */
import { close, constants, fstat, ftruncate, open, type Stats, stat } from 'node:fs';
import { promisify } from 'node:util';
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks, type SettingsOf } from '@nbdjs/kit';
import { blockDeviceSize } from '@nbdjs/syscalls';
import { fileError } from './file-error.ts';

export const fileDeviceOptions = defineOptions({
  /** Whether the file is opened for reading only. @default false */
  readOnly: option.boolean({ default: false, doc: 'Whether the file is opened for reading only.' }),
  /** Make the file when it does not exist. @default false */
  create: option.boolean({ default: false, doc: 'Make the file when it does not exist.' }),
  /**
   * Give a regular file this length, in bytes; one that is longer is refused unless `truncate` is set. Block devices keep
   * theirs.
   */
  size: option.checked<number | bigint>(optionChecks.bytes, {
    defaultText: 'the length that it has',
    doc: 'Give a regular file this length; one that is longer is refused unless `truncate` is set. Block devices keep theirs.',
  }),
  /** Cut off what a file has beyond `size`. @default false */
  truncate: option.boolean({ default: false, doc: 'Cut off what a file has beyond `size`.' }),
});

/** How a file is opened. */
export interface FileDeviceOptions extends OptionsOf<typeof fileDeviceOptions> {}

interface FileDeviceSettings extends SettingsOf<typeof fileDeviceOptions> {}

export interface OpenedFile {
  readonly fd: number;
  readonly path: string;
  readonly readOnly: boolean;
  /** As it was when it was opened. */
  readonly stats: Stats;
  /** In bytes, now. */
  readonly size: bigint;
}

/** @throws a system error that names the path, or UsageError. */
export async function openFile(path: string, options: FileDeviceSettings): Promise<OpenedFile> {
  const { readOnly, create } = options;
  await requireDisk(path);
  const access = readOnly ? constants.O_RDONLY : constants.O_RDWR;
  const fd = await promisify(open)(path, access | (create && !readOnly ? constants.O_CREAT : 0), 0o666);
  try {
    const stats = await promisify(fstat)(fd);
    requireKind(path, stats);
    await resize(fd, path, stats, options);
    return { fd, path, readOnly, stats, size: await measure(fd, path, stats) };
  } catch (error) {
    await promisify(close)(fd);
    throw error;
  }
}

export async function truncate(fd: number, path: string, size: number | bigint): Promise<void> {
  if (size > Number.MAX_SAFE_INTEGER) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${path} cannot be given a length of ${size} bytes`);
  }
  try {
    await promisify(ftruncate)(fd, Number(size));
  } catch (error) {
    throw fileError('extending', path, error);
  }
}

async function requireDisk(path: string): Promise<void> {
  let stats: Stats;
  try {
    stats = await promisify(stat)(path);
  } catch (error) {
    // The call that opens reports what is wrong, or makes the file.
    if (['ENOENT', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return;
    throw error;
  }
  requireKind(path, stats);
}

function requireKind(path: string, stats: Stats): void {
  if (stats.isFile() || stats.isBlockDevice()) return;
  throw new UsageError('ERR_NBD_ARGUMENT', `${path} is neither a regular file nor a block device`);
}

async function resize(fd: number, path: string, stats: Stats, options: FileDeviceOptions): Promise<void> {
  const { readOnly = false, size, truncate: mayShorten = false } = options;
  if (size === undefined || readOnly || !stats.isFile() || BigInt(stats.size) === BigInt(size)) return;
  if (stats.size > size && !mayShorten) {
    const message = `${path} has ${stats.size} bytes, expected ${size} at most: what is longer is cut off only with 'truncate'`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  await truncate(fd, path, size);
}

async function measure(fd: number, path: string, stats: Stats): Promise<bigint> {
  if (stats.isFile()) return BigInt((await promisify(fstat)(fd)).size);
  const size = blockDeviceSize(fd);
  if (size === undefined) {
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', `the size of the block device ${path} cannot be found out here`);
  }
  return size;
}
