/** Compressed pieces of an image, unpacked: a reader in small steps would otherwise unpack each piece again and again. */

/**
 * A number of unpacked pieces; those that were used last are kept. Requests for one piece at the same time share the work, and only so many
 * pieces are unpacked at a time, so that the memory is bounded.
 */
export class UnpackedCache {
  readonly #piecesMax: number;
  readonly #pieces = new Map<number, Promise<Uint8Array>>();
  readonly #waiting: (() => void)[] = [];
  #working = 0;

  /**
   * @param bytesMax how much is kept at most, in bytes
   * @param pieceBytes the size of one piece, in bytes
   */
  constructor(bytesMax: number, pieceBytes: number) {
    this.#piecesMax = Math.max(1, Math.floor(bytesMax / pieceBytes));
  }

  /** The piece of that key, which `load` makes when it is not there. The memory is shared: it must not be changed. */
  get(key: number, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    let piece = this.#pieces.get(key);
    if (piece !== undefined) this.#pieces.delete(key);
    else {
      const loading = this.#inTurn(load);
      loading.catch(() => {
        if (this.#pieces.get(key) === loading) this.#pieces.delete(key);
      });
      piece = loading;
    }
    this.#pieces.set(key, piece);
    for (const oldest of this.#pieces.keys()) {
      if (this.#pieces.size <= this.#piecesMax) break;
      this.#pieces.delete(oldest);
    }
    return piece;
  }

  async #inTurn(load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    // The place of work that has ended passes on to the one that waits, so that a newcomer cannot take it.
    if (this.#working < this.#piecesMax) this.#working++;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await load();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#working--;
      else next();
    }
  }
}
