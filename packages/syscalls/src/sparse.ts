/** Where a file has data, and how to take it away. */
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
 * The next byte at or behind `offset` that is data, or `undefined` when there is none up to the file's end.
 * Moves the descriptor's own position.
 *
 * @throws a system error; `EINVAL` where the filesystem cannot tell, `ENOSYS` where the call is not available.
 */
export function seekData(fd: number, offset: number | bigint): bigint | undefined {
  return seek(fd, offset, SEEK_DATA);
}

/** The next byte at or behind `offset` that is in a hole; the file's end counts as one. */
export function seekHole(fd: number, offset: number | bigint): bigint | undefined {
  return seek(fd, offset, SEEK_HOLE);
}

/** Gives the range back to the filesystem; it reads as zeroes. The file's size stays. */
export function punchHole(fd: number, offset: number | bigint, length: number | bigint): void {
  allocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/** Makes the range read as zeroes and keeps (or makes) it allocated. The file's size stays. */
export function zeroRange(fd: number, offset: number | bigint, length: number | bigint): void {
  allocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/** A place that was looked for on another thread. */
export interface SoughtAside {
  readonly position: bigint | undefined;
  /** How long the call took, in milliseconds. */
  readonly ms: number;
}

/** As `seekData`, on another thread: a filesystem may have to look for long. */
export function seekDataAside(fd: number, offset: number | bigint): Promise<SoughtAside> {
  return seekAside(fd, offset, SEEK_DATA);
}

/** As `seekHole`, on another thread. */
export function seekHoleAside(fd: number, offset: number | bigint): Promise<SoughtAside> {
  return seekAside(fd, offset, SEEK_HOLE);
}

/** As `punchHole`, on another thread: a range of many pieces takes a filesystem minutes. Tells how long it took, in milliseconds. */
export function punchHoleAside(fd: number, offset: number | bigint, length: number | bigint): Promise<number> {
  return allocateAside(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

/** As `zeroRange`, on another thread. */
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
