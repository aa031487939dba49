/** A compressed file as a list of pieces that can be decompressed one by one. */
import type { Run, RunMap } from '../device/run.ts';
import { UnpackedCache } from '../device/unpacked-cache.ts';

/** The pieces, ascending, without gaps in what they are decompressed. Numbers are in arrays, because there may be millions. */
export class PieceList {
  /** Where each piece begins and ends in the file. */
  readonly #packedAt: number[] = [];
  readonly #packedEnd: number[] = [];
  /** Where each piece begins in the content, and then where the last one ends. */
  readonly #starts: number[] = [0];
  #longest = 0;

  get count(): number {
    return this.#packedAt.length;
  }

  /** Bytes of all pieces, decompressed. */
  get contentBytes(): number {
    return this.#starts[this.count] as number;
  }

  /** Bytes of the longest piece, decompressed. */
  get longestBytes(): number {
    return this.#longest;
  }

  add(packedAt: number, packedBytes: number, contentBytes: number): void {
    // Empty pieces have nothing to read.
    if (contentBytes === 0) return;
    this.#starts.push(this.contentBytes + contentBytes);
    this.#packedAt.push(packedAt);
    this.#packedEnd.push(packedAt + packedBytes);
    this.#longest = Math.max(this.#longest, contentBytes);
  }

  /** The piece that has a byte of the content. */
  find(offset: number): number {
    let low = 0;
    let high = this.count - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] as number) <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** All pieces, in order. */
  *each(): Generator<Piece> {
    for (let index = 0; index < this.count; index++) {
      const [at, end] = this.packedRange(index);
      const [start, contentEnd] = this.contentRange(index);
      yield { index, at, end, contentBytes: contentEnd - start };
    }
  }

  packedRange(index: number): readonly [at: number, end: number] {
    return [this.#packedAt[index] as number, this.#packedEnd[index] as number];
  }

  contentRange(index: number): readonly [start: number, end: number] {
    return [this.#starts[index] as number, this.#starts[index + 1] as number];
  }
}

/** One piece: where it is in the file, and how long its content is. */
export interface Piece {
  readonly index: number;
  readonly at: number;
  readonly end: number;
  readonly contentBytes: number;
}

/** Decompresses one piece. */
export type UnpackPiece = (piece: Piece) => Promise<Uint8Array>;

/** Reads any range of the content by its pieces. */
export class PieceMap implements RunMap {
  readonly #pieces: PieceList;
  readonly #unpack: UnpackPiece;
  readonly #cache: UnpackedCache;

  constructor(pieces: PieceList, unpack: UnpackPiece, cacheBytes: number) {
    this.#pieces = pieces;
    this.#unpack = unpack;
    this.#cache = new UnpackedCache(cacheBytes, Math.max(1, pieces.longestBytes));
  }

  locate(offset: number, length: number): Run {
    const index = this.#pieces.find(offset);
    const [start, end] = this.#pieces.contentRange(index);
    const [at, packedEnd] = this.#pieces.packedRange(index);
    const load = (): Promise<Uint8Array> => this.#unpack({ index, at, end: packedEnd, contentBytes: end - start });
    return {
      kind: 'packed',
      length: Math.min(length, end - offset),
      skip: offset - start,
      unpack: () => this.#cache.get(index, load),
    };
  }
}
