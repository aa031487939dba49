/**
 * XXH32, the 32-bit hash of the xxHash family: it finds bytes that have changed on their way, and is quick in plain JavaScript. It is no
 * protection against an attacker.
 */

const prime1 = 0x9e37_79b1 | 0;
const prime2 = 0x85eb_ca77 | 0;
const prime3 = 0xc2b2_ae3d | 0;
const prime4 = 0x27d4_eb2f | 0;
const prime5 = 0x1656_67b1 | 0;

/** Returns the hash of the bytes, from 0 to 2^32 - 1. Equal bytes with other seeds have other hashes. */
export function xxhash32(bytes: Uint8Array, seed: number): number {
  const { length } = bytes;
  const words = wordsOf(bytes);
  let hash: number;
  let word = 0;
  if (length >= 16) {
    let one = (seed + prime1 + prime2) | 0;
    let two = (seed + prime2) | 0;
    let three = seed | 0;
    let four = (seed - prime1) | 0;
    for (const end = (length >> 4) << 2; word < end; word += 4) {
      one = round(one, words[word] as number);
      two = round(two, words[word + 1] as number);
      three = round(three, words[word + 2] as number);
      four = round(four, words[word + 3] as number);
    }
    hash = (rotate(one, 1) + rotate(two, 7) + rotate(three, 12) + rotate(four, 18)) | 0;
  } else {
    hash = (seed + prime5) | 0;
  }
  hash = (hash + length) | 0;
  for (const end = length >> 2; word < end; word++) {
    hash = Math.imul(rotate((hash + Math.imul(words[word] as number, prime3)) | 0, 17), prime4);
  }
  for (let index = word << 2; index < length; index++) {
    hash = Math.imul(rotate((hash + Math.imul(bytes[index] as number, prime5)) | 0, 11), prime1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), prime2);
  hash = Math.imul(hash ^ (hash >>> 13), prime3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The whole words, little-endian as on every machine that JavaScript runs on today. Memory that lies between words is copied. */
function wordsOf(bytes: Uint8Array): Int32Array {
  const whole = bytes.length >> 2;
  if ((bytes.byteOffset & 3) === 0) return new Int32Array(bytes.buffer, bytes.byteOffset, whole);
  return new Int32Array(bytes.slice().buffer, 0, whole);
}

function round(lane: number, word: number): number {
  return Math.imul(rotate((lane + Math.imul(word, prime2)) | 0, 13), prime1);
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
