/** The memory of a copy: as many pieces as are in use at a time. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { errorAt, FreeList } from '@nbdjs/kit';
import { plain } from './plan/segment.ts';

/** A piece begins where its bytes would begin in a block of this size, so that pieces of one offset can be compared by words. */
const memoryAlign = 4096;

export class MemoryPool {
  readonly #buffers: FreeList<Uint8Array>;

  /** `pieceBytes`: the longest piece that will be asked for. */
  constructor(pieceBytes: number) {
    this.#buffers = new FreeList(() => new Uint8Array(pieceBytes + memoryAlign));
  }

  /** A piece for the `length` bytes at `offset`. It takes memory when it is first used. */
  piece(offset: bigint, length: number): Piece {
    return new Piece(this.#buffers, Number(offset % BigInt(memoryAlign)), length);
  }
}

/** The memory of one request, taken from the pool when it is first used. */
export class Piece {
  readonly length: number;
  readonly #buffers: FreeList<Uint8Array>;
  readonly #start: number;
  #memory: Uint8Array | undefined;

  constructor(buffers: FreeList<Uint8Array>, start: number, length: number) {
    this.#buffers = buffers;
    this.#start = start;
    this.length = length;
  }

  bytes(): Uint8Array {
    this.#memory ??= this.#buffers.take();
    return this.#memory.subarray(this.#start, this.#start + this.length);
  }

  /** Gives the memory back. The bytes must not be in use any more. */
  release(): void {
    if (this.#memory !== undefined) this.#buffers.giveBack(this.#memory);
    this.#memory = undefined;
  }
}

/** Fills a piece from a device; `side` is its name in errors. */
export function readPiece(device: BlockDevice, offset: bigint, piece: Piece, side: string): void | Promise<void> {
  const fail = (error: unknown): never => {
    throw errorAt(error, `reading the ${side} at ${offset}`);
  };
  try {
    const reading =
      device.deferredReads === undefined
        ? device.read(plain(offset), piece.bytes())
        : device.deferredReads.readInto(plain(offset), piece.length, () => piece.bytes());
    return reading?.catch(fail);
  } catch (error) {
    return fail(error);
  }
}
