/** Reading what is in memory anyway, at once and without waiting for a disk. */
import { type Native, native } from './native.ts';

const RWF_NOWAIT = 8;
const EAGAIN = 11;

/** More is not read at once: it would hold up everybody else. In bytes. */
export const cachedReadBytesMax = 256 * 1024;

/** A piece of memory whose address the kernel is told once; what lands there is copied to where it belongs. */
let landing: { readonly bytes: Buffer; readonly vector: Buffer; readonly native: Native } | undefined;

/**
 * Fills `target`, of up to `cachedReadBytesMax` bytes, with the bytes of a file from `offset` on, if all of them are in the page
 * cache: `true`. `false` when they are not, and nothing when this file (or system) cannot be asked, now or ever.
 */
export function readCached(fd: number, target: Uint8Array, offset: number): boolean | undefined {
  const functions = native();
  if (functions?.preadv2 === undefined || target.length > cachedReadBytesMax) return undefined;
  if (landing?.native !== functions) landing = makeLanding(functions);
  const { bytes, vector } = landing;
  vector.writeUInt32LE(target.length, 8);
  const byteCount = Number(functions.preadv2(fd, vector, 1, offset, RWF_NOWAIT));
  if (byteCount === target.length) {
    target.set(byteCount === bytes.length ? bytes : bytes.subarray(0, byteCount));
    return true;
  }
  return byteCount >= 0 || functions.errno() === EAGAIN ? false : undefined;
}

function makeLanding(functions: Native) {
  const bytes = Buffer.alloc(cachedReadBytesMax);
  // struct iovec: an address and a length.
  const vector = Buffer.alloc(16);
  vector.writeBigUInt64LE(functions.address(bytes), 0);
  return { bytes, vector, native: functions };
}
