/** Which units of shared memory hold something: a bitmap that threads change at the same time. */
import { unitBytes, unitsPerWord } from './shared-memory.ts';

export class UnitMap {
  readonly #words: Int32Array;

  constructor(used: SharedArrayBuffer) {
    this.#words = new Int32Array(used);
  }

  has(unit: number): boolean {
    return (Atomics.load(this.#words, wordOf(unit)) & bitOf(unit)) !== 0;
  }

  /**
   * Notes that the units of a range of bytes, which has some, hold something. What was stored in them before is seen by every thread that
   * finds them here: so this is an exchange, even where the bits are set already.
   */
  add(start: number, end: number): void {
    const last = Math.floor((end - 1) / unitBytes);
    for (let unit = Math.floor(start / unitBytes); unit <= last; ) {
      const next = Math.min(last + 1, (wordOf(unit) + 1) * unitsPerWord);
      const bits = next - unit === unitsPerWord ? -1 : ((1 << (next - unit)) - 1) << (unit % unitsPerWord);
      Atomics.or(this.#words, wordOf(unit), bits);
      unit = next;
    }
  }

  remove(unit: number): void {
    Atomics.and(this.#words, wordOf(unit), ~bitOf(unit));
  }

  /** Returns where the run of units that are in use, or not, ends: `limit` at most. */
  endOfRun(first: number, isUsed: boolean, limit: number): number {
    for (let unit = first; unit < limit; ) {
      const bits = Atomics.load(this.#words, wordOf(unit));
      const others = (isUsed ? ~bits : bits) >>> (unit % unitsPerWord);
      if (others !== 0) return Math.min(limit, unit + lowestBit(others));
      unit = (wordOf(unit) + 1) * unitsPerWord;
    }
    return limit;
  }
}

function wordOf(unit: number): number {
  return Math.floor(unit / unitsPerWord);
}

function bitOf(unit: number): number {
  return 1 << (unit % unitsPerWord);
}

function lowestBit(bits: number): number {
  return 31 - Math.clz32(bits & -bits);
}
