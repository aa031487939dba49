/** Bytes as digits. */

/** Returns two hexadecimal digits for each byte, without `0x` before them. */
export function hexOf(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}
