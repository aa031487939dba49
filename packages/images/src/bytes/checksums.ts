/** Checksums that formats of images use. */

export { crc32, crc32c } from '@nbdjs/kit';

/** So many bytes can be added before the sums leave 32 bits. */
const adlerRun = 3800;

/** Adler-32 (RFC 1950). */
export function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + adlerRun);
    for (; at < end; at++) {
      low += bytes[at] as number;
      high += low;
    }
    low %= 65_521;
    high %= 65_521;
  }
  return ((high << 16) | low) >>> 0;
}

/** Returns the bytes with a part of them zeroed: most formats compute a checksum over a structure whose own field is zero. */
export function withZeroed(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const copy = bytes.slice();
  copy.fill(0, from, to);
  return copy;
}
