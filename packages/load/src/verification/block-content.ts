/**
 * Blocks that say what they are: seed, place and number of the write that stored them, and then words that follow from these. So a block that
 * is wrong says where it comes from.
 */

/** The first two words of each block: `nbd load`, in little endian. */
const magic = [0x2064626e, 0x64616f6c] as const;

const headerWords = 6;

/** What a block says about itself. */
export interface BlockLabel {
  readonly seed: number;
  /** The number of the write, from 1 on. */
  readonly generation: number;
  /** Where it belongs, in bytes from the start of the device. */
  readonly offset: number;
}

/** Fills whole words; the length of a block is a multiple of 4. */
export function fillBlock(words: Uint32Array, { seed, generation, offset }: BlockLabel): void {
  words[0] = magic[0];
  words[1] = magic[1];
  words[2] = seed;
  words[3] = generation;
  words[4] = offset >>> 0;
  words[5] = Math.floor(offset / 2 ** 32);
  // Xorshift, from a start that is never 0.
  let word =
    (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(generation, 0xc2b2ae35) ^ (offset / 512) ^ words[5]) | 1;
  for (let index = headerWords; index < words.length; index++) {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    words[index] = word;
  }
}

/** What a block says about itself, if it says anything. */
export function readLabel(words: Uint32Array): BlockLabel | undefined {
  const [first, second, seed, generation, low, high] = words;
  if (first !== magic[0] || second !== magic[1]) return undefined;
  return { seed: seed ?? 0, generation: generation ?? 0, offset: (high ?? 0) * 2 ** 32 + (low ?? 0) };
}
