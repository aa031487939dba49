/** Whether bytes are all zero, looked at four at a time, up to the first that are not. */
export function isZero(bytes: Uint8Array): boolean {
  const { buffer, byteOffset, length } = bytes;
  if ((byteOffset & 3) !== 0 || (length & 3) !== 0) return bytes.every((byte) => byte === 0);
  const words = new Int32Array(buffer, byteOffset, length >> 2);
  for (let index = 0; index < words.length; index++) if (words[index] !== 0) return false;
  return true;
}
