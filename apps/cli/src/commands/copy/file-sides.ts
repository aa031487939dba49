/** Finds out what a path or a descriptor is, before it is opened as a side of a copy. */
import { fstatSync } from 'node:fs';
import { readFile, stat, truncate } from 'node:fs/promises';
import { argumentError } from '../../errors/argument-error.ts';
import type { DeviceSide, SourceSide } from './side.ts';

/**
 * Returns what a file is recognised by, its device and inode; `undefined` for what is no file. The other files of an image are not written to
 * while it is in use: they are recognised by the time of their last change, too.
 */
export function fileIdentity({ stats, otherStats = [] }: DeviceSide): string | undefined {
  if (stats === undefined) return undefined;
  const others = otherStats.map(({ dev, ino, mtimeMs }) => `${dev}:${ino}:${mtimeMs}`);
  return [`${stats.dev}:${stats.ino}`, ...others].join(' ');
}

/** Returns whether a path is neither a file nor a block device, so that it is a stream. */
export async function isStreamPath(path: string): Promise<boolean> {
  try {
    const stats = await stat(path);
    return !stats.isFile() && !stats.isBlockDevice() && !stats.isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Makes a regular file empty; leaves anything else as it is.
 *
 * @throws UsageError when it is the source.
 */
export async function emptyFile(path: string, from: SourceSide): Promise<void> {
  const stats = await stat(path).catch(() => undefined);
  const source = from.type === 'device' ? from.stats : undefined;
  if (stats !== undefined && stats.ino === source?.ino && stats.dev === source.dev) {
    throw argumentError(`${path} is the source, and would be emptied by --destination-is-zero`);
  }
  if (stats?.isFile() === true) await truncate(path);
}

/**
 * A raw file may be copied to itself. The file of an image is not what is read, and would be gone before it is.
 *
 * @throws UsageError when a path is the file of the image that is the source, or one that it refers to.
 */
export async function requireNoPartOf(from: SourceSide, path: string): Promise<void> {
  if (from.type !== 'device' || from.steps === undefined || from.steps.length === 0) return;
  const stats = await stat(path).catch(() => undefined);
  const parts = [from.stats, ...(from.otherStats ?? [])];
  if (stats === undefined || !parts.some((part) => part?.ino === stats.ino && part.dev === stats.dev)) return;
  throw argumentError(`${path} is a file of the source, and would be overwritten`);
}

/** Returns whether a descriptor is a regular file. */
export function isFileDescriptor(fd: number): boolean {
  try {
    return fstatSync(fd).isFile();
  } catch {
    return false;
  }
}

/** Returns where the next read of a descriptor would begin: another program may have read from it before. */
export async function positionOf(fd: number): Promise<bigint> {
  const text = await readFile(`/proc/self/fdinfo/${fd}`, 'latin1');
  return BigInt(/^pos:\s*(\d+)$/m.exec(text)?.[1] ?? 0);
}
