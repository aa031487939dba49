/** A few bytes for messages. */
import { hexOf } from '@nbdjs/kit';

/** Returns bytes as hexadecimal digits with `0x` before them, and as text where all of them are printable ASCII. */
export function quotedHex(bytes: Uint8Array): string {
  const hex = `0x${hexOf(bytes)}`;
  const isText = bytes.length > 0 && bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return isText ? `${hex} ('${String.fromCharCode(...bytes)}')` : hex;
}
