/**
 * How much of a range a filesystem is given at a time. The cost depends on how fragmented the file is there, which is not known
 * beforehand: the length is adjusted to the time that the previous piece took.
 */

/** The first piece, in bytes. */
export const firstPieceBytes = 2 ** 20;
/** Even in the smallest pieces, each call costs something. */
const pieceBytesMin = 2 ** 16;
/** The longest piece, in bytes: a hole takes no time at any length, but the range behind it may hold data. */
const pieceBytesMax = 2 ** 34;
/** A piece that took less could have been longer. In milliseconds. */
const quickMs = 5;
/** A piece should not take longer, because other calls wait for the file meanwhile. In milliseconds. */
const slowMs = 20;

export class PieceLength {
  #bytes = firstPieceBytes;

  /** Where the piece that begins at `start` ends: at a multiple of its length, so that no block is cut twice. */
  endOf(start: bigint, end: bigint): bigint {
    const length = BigInt(this.#bytes);
    const next = start - (start % length) + length;
    return next < end ? next : end;
  }

  /** How long a piece took, in milliseconds. */
  took(ms: number): void {
    if (ms < quickMs) this.#bytes = Math.min(pieceBytesMax, this.#bytes * 4);
    else if (ms > slowMs) this.#bytes = Math.max(pieceBytesMin, this.#bytes / (ms > 4 * slowMs ? 4 : 2));
  }
}
