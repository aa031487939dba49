/** Where bytes differ. */

/** A part that differs, from the first byte that does to the last one. */
export interface DifferingRange {
  /** The first byte that differs. */
  readonly offset: bigint;
  /** How many bytes from there to the last one that differs; equal bytes among them are counted, too. */
  readonly length: bigint;
}

/** Calls `visit` with the start and the end of each part that differs; `right` is `undefined` for zeroes. */
export function visitDifferences(
  left: Uint8Array,
  right: Uint8Array | undefined,
  gapBytes: number,
  visit: (start: number, end: number) => void,
): void {
  let start = firstDifference(left, right);
  while (start !== -1) {
    let end = start;
    let next = start;
    while (next !== -1 && next - end < gapBytes) {
      end = next + 1;
      while (end < left.length && left[end] !== (right === undefined ? 0 : right[end])) end++;
      next = firstDifference(left, right, end);
    }
    visit(start, end);
    start = next;
  }
}

/**
 * Returns the index of the first byte from `from` on that differs, or -1; `right` is `undefined` for zeroes. Both begin at the same place in
 * a word. Word by word, and byte by byte only where a word differs.
 */
export function firstDifference(left: Uint8Array, right: Uint8Array | undefined, from = 0): number {
  const words = wordsOf(left);
  const others = right === undefined ? undefined : wordsOf(right);
  let index = from;
  if (words !== undefined && (right === undefined || others !== undefined)) {
    // Up to the next whole word.
    for (; (index & 3) !== 0 && index < left.length; index++) if (left[index] !== (right?.[index] ?? 0)) return index;
    let word = index >>> 2;
    if (others === undefined) while (word < words.length && words[word] === 0) word++;
    else while (word < words.length && words[word] === others[word]) word++;
    index = Math.max(index, word * 4);
  }
  for (; index < left.length; index++) if (left[index] !== (right?.[index] ?? 0)) return index;
  return -1;
}

/** The same memory as whole 32-bit words, where it begins at one. */
function wordsOf(bytes: Uint8Array): Int32Array | undefined {
  if ((bytes.byteOffset & 3) !== 0) return undefined;
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
}

/** What was found in one part of the devices. */
interface Found {
  readonly end: bigint;
  readonly ranges: readonly DifferingRange[];
}

/** Parts are compared in any order, and their differences are reported in ascending order. */
export class DifferenceOrder {
  readonly #gapBytes: bigint;
  readonly #report: (range: DifferingRange) => void;
  readonly #waiting = new Map<bigint, Found>();
  #position: bigint;
  #last: DifferingRange | undefined;

  /** `start`: where the first part begins. Differences that are closer together than `gapBytes` are one. */
  constructor(start: bigint, gapBytes: number, report: (range: DifferingRange) => void) {
    this.#position = start;
    this.#gapBytes = BigInt(gapBytes);
    this.#report = report;
  }

  /** A part is compared; the parts are consecutive, and each is added once. */
  add(start: bigint, end: bigint, ranges: readonly DifferingRange[]): void {
    this.#waiting.set(start, { end, ranges });
    for (let next = this.#waiting.get(this.#position); next !== undefined; next = this.#waiting.get(this.#position)) {
      this.#waiting.delete(this.#position);
      for (const range of next.ranges) this.#join(range);
      this.#position = next.end;
    }
  }

  /** All parts are compared. */
  end(): void {
    if (this.#last !== undefined) this.#report(this.#last);
    this.#last = undefined;
  }

  #join(range: DifferingRange): void {
    const last = this.#last;
    if (last !== undefined && range.offset - (last.offset + last.length) < this.#gapBytes) {
      this.#last = { offset: last.offset, length: range.offset + range.length - last.offset };
      return;
    }
    if (last !== undefined) this.#report(last);
    this.#last = range;
  }
}
