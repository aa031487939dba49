/** The difference between what was written and what was read. */
import { type BlockLabel, readLabel } from './block-content.ts';

/** What was read in place of what was written. */
export type FoundContent =
  | { readonly type: 'zeroes' }
  /** An earlier write of this place. */
  | { readonly type: 'older'; readonly generation: number }
  /** What was written at another place. */
  | { readonly type: 'misplaced'; readonly offset: number; readonly generation: number }
  /** What a load with another seed has written. */
  | { readonly type: 'other-load'; readonly seed: number }
  /** The right block, with bytes that have changed. */
  | { readonly type: 'damaged' }
  | { readonly type: 'unknown' };

/** The first bytes that are not what was written. */
export interface ContentMismatch {
  /** Of the first byte that differs, from the start of the device. */
  readonly offset: number;
  /** Of the block that it is in: as long as the shortest request. */
  readonly block: number;
  /** The number of the write that was expected; 0 for zeroes. */
  readonly generation: number;
  /** Up to 16 bytes from the first difference on, as they were written. */
  readonly expected: Uint8Array;
  /** The same bytes as they were read. */
  readonly got: Uint8Array;
  /** What the block holds instead. */
  readonly found: FoundContent;
}

const shownBytes = 16;

/** Compares two blocks. Returns `undefined` when they are equal. */
export function findMismatch(label: BlockLabel, expected: Uint32Array, got: Uint32Array): ContentMismatch | undefined {
  let index = 0;
  while (index < expected.length && expected[index] === got[index]) index++;
  if (index === expected.length) return undefined;
  const [wanted, read] = [bytesOf(expected), bytesOf(got)];
  let first = 4 * index;
  while (wanted[first] === read[first]) first++;
  return {
    offset: label.offset + first,
    block: label.offset,
    generation: label.generation,
    expected: wanted.slice(first, first + shownBytes),
    got: read.slice(first, first + shownBytes),
    found: foundContent(label, got),
  };
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function foundContent(wanted: BlockLabel, got: Uint32Array): FoundContent {
  if (got.every((word) => word === 0)) return { type: 'zeroes' };
  const label = readLabel(got);
  if (label === undefined) return { type: 'unknown' };
  const { seed, generation, offset } = label;
  if (seed !== wanted.seed) return { type: 'other-load', seed };
  if (offset !== wanted.offset) return { type: 'misplaced', offset, generation };
  return generation === wanted.generation ? { type: 'damaged' } : { type: 'older', generation };
}
