/** Feeds decoders in tests as a channel would, with the stream cut in any way. */

/** The receiving side of both decoders. */
export interface Fed {
  writable(): Uint8Array;
  advance(byteCount: number): void;
}

/** The longest next delivery, in bytes. */
export type Cut = () => number;

export const whole: Cut = () => Number.POSITIVE_INFINITY;
const byteByByte: Cut = () => 1;

/** Cuts at random places: mostly within a header, sometimes far apart. The same in every run. */
export function randomCuts(seed: number): Cut {
  let state = seed >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return () => (next() < 0.8 ? 1 + Math.floor(next() * 40) : 1 + Math.floor(next() * 50_000));
}

/** All ways to cut that a stream of messages is tested with. */
export const allCuts: readonly (readonly [name: string, cut: () => Cut])[] = [
  ['whole', () => whole],
  ['byte by byte', () => byteByByte],
  ...[1, 2, 3, 4, 5].map((seed) => [`at random places, ${seed}`, () => randomCuts(seed)] as const),
];

/**
 * Delivers bytes. Returns how many of them landed in memory that is not the decoder's own, as `isDirect` reports.
 */
export function feed(
  decoder: Fed,
  bytes: Uint8Array,
  cut: Cut = whole,
  isDirect?: (memory: Uint8Array) => boolean,
): number {
  let directBytes = 0;
  for (let position = 0; position < bytes.length; ) {
    const memory = decoder.writable();
    if (memory.length === 0) throw new Error('the decoder named no memory');
    const byteCount = Math.min(memory.length, bytes.length - position, cut());
    memory.set(bytes.subarray(position, position + byteCount));
    if (isDirect?.(memory)) directBytes += byteCount;
    position += byteCount;
    decoder.advance(byteCount);
  }
  return directBytes;
}

export function concat(...pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let position = 0;
  for (const piece of pieces) {
    bytes.set(piece, position);
    position += piece.length;
  }
  return bytes;
}

/** Bytes that differ from place to place. */
export function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index + (index >> 8) * 3 + seed) & 0xff);
}

/** A long payload in one line, to compare by: its length, and a checksum (FNV-1a). */
export function digest(bytes: Uint8Array): string {
  let sum = 0x811c_9dc5;
  for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x0100_0193);
  return `${bytes.length} bytes, ${sum >>> 0}`;
}
