/**
 * The chunks that were used last. Those that came in one piece of memory are kept and forgotten together: a view of one of them keeps all of that
 * memory, and a copy of each costs more time than their checksums.
 */

interface Piece {
  readonly bytes: number;
  readonly chunks: ReadonlyMap<string, Uint8Array>;
}

/** A piece may have this share of the memory; chunks of larger ones are copied. */
const pieceShare = 1 / 8;

export class ChunkMemory {
  readonly #bytesMax: number;
  /** The one that was used last comes last. */
  readonly #pieces = new Set<Piece>();
  readonly #pieceOf = new Map<string, Piece>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): Uint8Array | undefined {
    const piece = this.#pieceOf.get(id);
    if (piece === undefined) return undefined;
    this.#pieces.delete(piece);
    this.#pieces.add(piece);
    return piece.chunks.get(id);
  }

  /** Keeps a chunk that has memory of its own. */
  keep(id: string, bytes: Uint8Array): void {
    this.#add({ bytes: bytes.length, chunks: new Map([[id, bytes]]) });
  }

  /** Keeps chunks that are views of one piece of memory with so many bytes. */
  keepTogether(chunks: ReadonlyMap<string, Uint8Array>, bytes: number): void {
    if (bytes <= this.#bytesMax * pieceShare) this.#add({ bytes, chunks });
    else for (const [id, chunk] of chunks) this.keep(id, chunk.slice());
  }

  clear(): void {
    this.#pieces.clear();
    this.#pieceOf.clear();
    this.#bytes = 0;
  }

  #add(piece: Piece): void {
    if (piece.bytes > this.#bytesMax) return;
    this.#pieces.add(piece);
    this.#bytes += piece.bytes;
    for (const id of piece.chunks.keys()) this.#pieceOf.set(id, piece);
    for (const oldest of this.#pieces) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#pieces.delete(oldest);
      this.#bytes -= oldest.bytes;
      for (const id of oldest.chunks.keys()) if (this.#pieceOf.get(id) === oldest) this.#pieceOf.delete(id);
    }
  }
}
