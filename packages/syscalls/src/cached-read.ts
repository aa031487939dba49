/** Reading what is in memory anyway, at once and without waiting for a disk. */
import { callAside } from './aside.ts';
import { native } from './native.ts';

const RWF_NOWAIT = 8;
const ENOSYS = 38;
const EOPNOTSUPP = 95;

/**
 * More is not read at once: it would hold up everybody else. In bytes. Handing a read to a thread, and the bytes from one processor's
 * cache to the other's, takes longer than copying them: measured on two processors, 1.1 to 1.4 times as many reads of 128 KiB to 1 MiB.
 */
export const cachedReadBytesMax = 1024 * 1024;

const POSIX_FADV_WILLNEED = 3;

/**
 * Has the system read a range into the page cache. It takes only so much of a range as it reads ahead at once, so that long ones
 * have to be told in pieces.
 *
 * @returns whether the system could be told.
 */
export async function willNeed(fd: number, offset: number | bigint, length: number): Promise<boolean> {
  const functions = native();
  if (functions?.fadvise === undefined) return false;
  const { result } = await callAside(functions, functions.fadvise, fd, offset, length, POSIX_FADV_WILLNEED);
  return Number(result) === 0;
}

/** Where memory lies that has been read to before: asking costs more than a short read. */
const addresses = new WeakMap<ArrayBufferLike, number>();
/** struct iovec: an address and a length, of 64 bits each, the lower half first. */
const vector = new Uint32Array(4);

/**
 * Fills `target`, of up to `cachedReadBytesMax` bytes, with the bytes of a file from `offset` on, if all of them are in the page
 * cache: `true`. `false` when they are not, and the target has any content. Nothing when this file (or system) cannot be
 * asked, now or ever.
 */
export function readCached(fd: number, target: Uint8Array, offset: number): boolean | undefined {
  const functions = native();
  if (functions?.preadv2 === undefined || target.length > cachedReadBytesMax) return undefined;
  // Looking at the buffer moves a short array out of the collected heap, where it would not stay in its place.
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
  // Any other error is one of this read.
  return byteCount < 0 && [ENOSYS, EOPNOTSUPP].includes(functions.errno()) ? undefined : false;
}
