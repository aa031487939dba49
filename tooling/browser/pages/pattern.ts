/** Bytes that tell their place, for pages and their tests. */

/** Pieces of this length differ from each other. */
export const pieceBytes = 2 ** 20;

export function patternPiece(number: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(pieceBytes / 4);
  const first = Math.imul(number + 1, 2_654_435_761);
  for (let index = 0; index < words.length; index++) words[index] = first ^ Math.imul(index, 40_503);
  return new Uint8Array(words.buffer);
}
