const isNought = (byte: number): boolean => byte === 0;

/** Whether bytes are all zero: looked at four at a time, up to the first that are not. */
export function isZero(bytes: Uint8Array): boolean {
  const first = -bytes.byteOffset & 3;
  const words = (bytes.length - first) >> 2;
  if (words < 1) return bytes.every(isNought);
  const view = new Int32Array(bytes.buffer, bytes.byteOffset + first, words);
  for (let index = 0; index < words; index++) if (view[index] !== 0) return false;
  return bytes.subarray(0, first).every(isNought) && bytes.subarray(first + 4 * words).every(isNought);
}
