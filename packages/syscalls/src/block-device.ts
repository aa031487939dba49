/** Block devices of the system: what `stat` does not report. */
import { native } from './native.ts';
import { systemError } from './system-error.ts';

const BLKGETSIZE64 = 0x8008_1272;
const BLKSSZGET = 0x1268;

/**
 * Returns the size of a block device in bytes, or `undefined` without native calls.
 *
 * @throws a system error, for instance when `fd` is not a block device.
 */
export function blockDeviceSize(fd: number): bigint | undefined {
  return ask(fd, BLKGETSIZE64, 8)?.readBigUInt64LE();
}

/**
 * Returns the size of a block device's sectors in bytes, or `undefined` without native calls.
 *
 * @throws a system error, for instance when `fd` is not a block device.
 */
export function sectorSize(fd: number): number | undefined {
  return ask(fd, BLKSSZGET, 4)?.readUInt32LE();
}

function ask(fd: number, request: number, byteCount: number): Buffer | undefined {
  const functions = native();
  if (functions === undefined) return undefined;
  const answer = Buffer.alloc(byteCount);
  if (Number(functions.ioctl(fd, request, 'void *', answer)) < 0) throw systemError('ioctl', functions.errno());
  return answer;
}
