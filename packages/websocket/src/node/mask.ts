/** Masks of the frames that clients send (RFC 6455, section 5.3). */

/** Shorter bytes are masked one by one: a view of words costs more. */
const wordsFrom = 64;

/**
 * Masks bytes in place, or takes the mask off again, which is the same.
 *
 * @param phase How many bytes of the payload come before these, modulo 4.
 */
export function applyMask(bytes: Uint8Array, mask: Uint8Array, phase: number): void {
  let position = 0;
  const { length } = bytes;
  const one = (): void => {
    bytes[position] = (bytes[position] as number) ^ (mask[(phase + position) & 3] as number);
    position++;
  };
  if (length >= wordsFrom) {
    while (((bytes.byteOffset + position) & 3) !== 0) one();
    const turned = new Uint8Array(4);
    for (let index = 0; index < 4; index++) turned[index] = mask[(phase + position + index) & 3] as number;
    const [word = 0] = new Uint32Array(turned.buffer);
    const count = (length - position) >>> 2;
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset + position, count);
    for (let index = 0; index < count; index++) words[index] = (words[index] as number) ^ word;
    position += 4 * count;
  }
  while (position < length) one();
}

/** Whether a mask changes nothing. */
export function isZeroMask(mask: Uint8Array): boolean {
  return mask[0] === 0 && mask[1] === 0 && mask[2] === 0 && mask[3] === 0;
}
