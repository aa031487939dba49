/** Whether bytes are all zero: looked at four at a time, up to the first that are not. */
export function isZero(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, length } = bytes;
  const first = Math.min(length, -byteOffset & 3);
  const words = (length - first) >> 2;
  for (let index = 0; index < first; index++) if (bytes[index] !== 0) return false;
  if (words > 0) {
    const view = new Int32Array(buffer, byteOffset + first, words);
    for (let index = 0; index < words; index++) if (view[index] !== 0) return false;
  }
  for (let index = first + 4 * words; index < length; index++) if (bytes[index] !== 0) return false;
  return true;
}
