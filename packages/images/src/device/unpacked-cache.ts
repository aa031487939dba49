/** Compressed pieces of an image, unpacked: a reader in small steps would otherwise unpack each piece again and again. */
import { Semaphore } from '@nbdjs/kit';

/**
 * A number of unpacked pieces; those that were used last are kept. Requests for one piece at the same time share the work, and only so many
 * pieces are unpacked at a time, so that the memory is bounded.
 */
export class UnpackedCache {
  readonly #piecesMax: number;
  readonly #pieces = new Map<number, Promise<Uint8Array>>();
  readonly #places: Semaphore;

  /**
   * @param bytesMax how much is kept at most, in bytes
   * @param pieceBytes the size of one piece, in bytes
   */
  constructor(bytesMax: number, pieceBytes: number) {
    this.#piecesMax = Math.max(1, Math.floor(bytesMax / pieceBytes));
    this.#places = new Semaphore(this.#piecesMax);
  }

  /** The piece of that key, which `load` makes when it is not there. The memory is shared: it must not be changed. */
  get(key: number, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    let piece = this.#pieces.get(key);
    if (piece !== undefined) this.#pieces.delete(key);
    else {
      const loading = this.#places.run(load);
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
}
