/** Reading bytes that are in the page cache, without waiting for a disk. */
import { callAside } from './aside.ts';
import { native } from './native.ts';

const RWF_NOWAIT = 8;
const ENOSYS = 38;
const EOPNOTSUPP = 95;

/**
 * The longest read that is made at once, in bytes: a longer one would hold up the event loop. To pass a read to a thread, and the bytes
 * from one processor's cache to the other's, takes longer than to copy them. Measured on two processors: 1.1 to 1.4 times as many reads of
 * 128 KiB to 1 MiB.
 */
export const cachedReadBytesMax = 1024 * 1024;

const POSIX_FADV_WILLNEED = 3;

/**
 * Asks the system to read a range into the page cache. It reads only as much of a range as it reads ahead at once, so ask for long
 * ranges in pieces.
 *
 * @returns whether the system could be asked.
 */
export async function willNeed(fd: number, offset: number | bigint, length: number): Promise<boolean> {
  const functions = native();
  if (functions?.fadvise === undefined) return false;
  const { result } = await callAside(functions, functions.fadvise, fd, offset, length, POSIX_FADV_WILLNEED);
  return Number(result) === 0;
}

/** The addresses of memory that was read to before: finding one costs more than a short read. */
const addresses = new WeakMap<ArrayBufferLike, number>();
/** struct iovec: an address and a length, of 64 bits each, the lower half first. */
const vector = new Uint32Array(4);

/**
 * Fills `target`, of up to `cachedReadBytesMax` bytes, with the bytes of a file from `offset` on, if all of them are in the page cache.
 *
 * @returns `true` when the target is filled; `false` when not all bytes were there, and the target's content is undefined; `undefined`
 *   when this file (or system) can never be read in this way.
 */
export function readCached(fd: number, target: Uint8Array, offset: number): boolean | undefined {
  const functions = native();
  if (functions?.preadv2 === undefined || target.length > cachedReadBytesMax) return undefined;
  // Access to the buffer moves a short array out of the garbage-collected heap, where its address could change.
  const { buffer } = target;
  let address = addresses.get(buffer);
  if (address === undefined) {
    address = Number(functions.address(new Uint8Array(buffer)));
    addresses.set(buffer, address);
  }
  address += target.byteOffset;
  vector[0] = address % 2 ** 32;
  vector[1] = Math.floor(address / 2 ** 32);
  vector[2] = target.length;
  const byteCount = Number(functions.preadv2(fd, vector, 1, offset, RWF_NOWAIT));
  if (byteCount === target.length) return true;
  // Any other error concerns this read only.
  return byteCount < 0 && [ENOSYS, EOPNOTSUPP].includes(functions.errno()) ? undefined : false;
}
