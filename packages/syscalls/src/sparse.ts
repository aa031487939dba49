/** Sparse files: finding data and holes, and making holes. */
import { callAside } from './aside.ts';
import { native } from './native.ts';
import { systemError } from './system-error.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const ENXIO = 6;

const FALLOC_FL_KEEP_SIZE = 0x01;
const FALLOC_FL_PUNCH_HOLE = 0x02;
const FALLOC_FL_ZERO_RANGE = 0x10;

/**
 * Returns the position of the next data at or after `offset`, in bytes, or `undefined` when there is none up to the file's end.
 * Moves the descriptor's own position.
 *
 * @throws a system error; `EINVAL` where the filesystem has no such information, `ENOSYS` where the call is not available.
 */
export function seekData(fd: number, offset: number | bigint): bigint | undefined {
  return seek(fd, offset, SEEK_DATA);
}

/** Returns the position of the next hole at or after `offset`, in bytes. The file's end counts as a hole. @throws as `seekData`. */
export function seekHole(fd: number, offset: number | bigint): bigint | undefined {
  return seek(fd, offset, SEEK_HOLE);
}

/**
 * Returns a range to the filesystem, so that it reads as zeroes. The file's size stays.
 *
 * @throws a system error; `EOPNOTSUPP` where the filesystem cannot, `ENOSYS` where the call is not available.
 */
export function punchHole(fd: number, offset: number | bigint, length: number | bigint): void {
  allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/** Makes a range read as zeroes, and keeps (or makes) it allocated. The file's size stays. @throws as `punchHole`. */
export function zeroRange(fd: number, offset: number | bigint, length: number | bigint): void {
  allocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/** A position that was looked for on another thread. */
export interface SoughtAside {
  /** Where it is, in bytes; `undefined` when there is none, or the filesystem has no such information. */
  readonly position: bigint | undefined;
  /** How long the call took, in milliseconds. */
  readonly ms: number;
}

/** The same as `seekData` on another thread: a filesystem may take long. */
export function seekDataAside(fd: number, offset: number | bigint): Promise<SoughtAside> {
  return seekAside(fd, offset, SEEK_DATA);
}

/** The same as `seekHole` on another thread. */
export function seekHoleAside(fd: number, offset: number | bigint): Promise<SoughtAside> {
  return seekAside(fd, offset, SEEK_HOLE);
}

/** The same as `punchHole` on another thread: a range of many pieces can take minutes. Returns how long it took, in milliseconds. */
export function punchHoleAside(fd: number, offset: number | bigint, length: number | bigint): Promise<number> {
  return allocateAside(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/** The same as `zeroRange` on another thread. Returns how long it took, in milliseconds. */
export function zeroRangeAside(fd: number, offset: number | bigint, length: number | bigint): Promise<number> {
  return allocateAside(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
}

function seek(fd: number, offset: number | bigint, whence: number): bigint | undefined {
  const functions = native();
  if (functions === undefined) throw systemError('lseek', 38);
  return found(functions.lseek(fd, offset, whence), functions.errno);
}

async function seekAside(fd: number, offset: number | bigint, whence: number): Promise<SoughtAside> {
  const functions = native();
  if (functions === undefined) throw systemError('lseek', 38);
  const { result, errorNumber, ms } = await callAside(functions, functions.lseek, fd, offset, whence);
  return { position: found(result, () => errorNumber), ms };
}

function found(position: number | bigint, errno: () => number): bigint | undefined {
  if (position >= 0) return BigInt(position);
  const errorNumber = errno();
  if (errorNumber === ENXIO) return undefined;
  throw systemError('lseek', errorNumber);
}

function allocate(fd: number, mode: number, offset: number | bigint, length: number | bigint): void {
  const functions = native();
  if (functions === undefined) throw systemError('fallocate', 38);
  if (Number(functions.fallocate(fd, mode, offset, length)) < 0) throw systemError('fallocate', functions.errno());
}

async function allocateAside(
  fd: number,
  mode: number,
  offset: number | bigint,
  length: number | bigint,
): Promise<number> {
  const functions = native();
  if (functions === undefined) throw systemError('fallocate', 38);
  const { result, errorNumber, ms } = await callAside(functions, functions.fallocate, fd, mode, offset, length);
  if (Number(result) < 0) throw systemError('fallocate', errorNumber);
  return ms;
}
