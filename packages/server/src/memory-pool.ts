/** Memory for payloads, used again: the piece that was given back last goes out first, because it is in the cache. */

const leastBytes = 4096;

/** How long the piece is that `take` gives for a length. */
export function pieceBytes(length: number): number {
  return 2 ** powerOf(length);
}

function powerOf(length: number): number {
  return 32 - Math.clz32(Math.max(length, leastBytes) - 1);
}

export class MemoryPool {
  readonly #keptBytesMax: number;
  /** Free pieces by the power of two of their length. */
  readonly #free: Uint8Array[][] = [];
  #keptBytes = 0;

  /** `keptBytesMax`: bytes that are kept for later while nobody uses them. */
  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax;
  }

  /** At least `length` bytes, with any content; give back the whole. */
  take(length: number): Uint8Array {
    const power = powerOf(length);
    const piece = this.#free[power]?.pop();
    if (piece === undefined) return new Uint8Array(2 ** power);
    this.#keptBytes -= piece.length;
    return piece;
  }

  giveBack(piece: Uint8Array): void {
    if (this.#keptBytes + piece.length > this.#keptBytesMax) return;
    const power = 31 - Math.clz32(piece.length);
    this.#free[power] ??= [];
    this.#free[power].push(piece);
    this.#keptBytes += piece.length;
  }
}
