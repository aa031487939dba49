/** Texts in images. They come from anywhere and are printed: control characters become spaces. */

const latin1 = new TextDecoder('latin1');
const utf16 = new TextDecoder('utf-16le');
const utf8 = new TextDecoder();

/** A text for people, without control characters. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

/** The bytes as characters, one each. For magic words. */
export function readLatin1(bytes: Uint8Array, offset: number, length: number): string {
  return latin1.decode(bytes.subarray(offset, offset + length));
}

/** The text up to the first zero byte, in UTF-8. */
export function readUtf8(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** The text up to the first zero character, in UTF-16 with the least significant byte first. */
export function readUtf16(bytes: Uint8Array): string {
  const even = bytes.subarray(0, bytes.length & ~1);
  return upToZero(utf16.decode(even));
}

/** The same with the most significant byte first. */
export function readUtf16BigEndian(bytes: Uint8Array): string {
  const swapped = bytes.slice(0, bytes.length & ~1);
  for (let at = 0; at < swapped.length; at += 2) {
    const first = swapped[at] as number;
    swapped[at] = swapped[at + 1] as number;
    swapped[at + 1] = first;
  }
  return readUtf16(swapped);
}

function upToZero(text: string): string {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
