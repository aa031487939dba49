/** The memory of a copy: as many pieces as are in use at a time, the one that was used last going out first. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { failureAt } from './failure.ts';
import { plain } from './plan.ts';

/** Memory begins where its bytes would begin in a block of this size, so that words can be compared. */
const memoryAlign = 4096;

export class MemoryPool {
  readonly #pieceBytes: number;
  readonly #free: Uint8Array[] = [];

  /** `pieceBytes`: the longest piece that will be asked for. */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** Memory for `length` bytes that stand at `offset`; none is taken before it is looked at. */
  piece(offset: bigint, length: number): Piece {
    return new Piece(this, Number(offset % BigInt(memoryAlign)), length);
  }

  /** What was given back last is likely to be in the processor's cache still. */
  take(): Uint8Array {
    return this.#free.pop() ?? new Uint8Array(this.#pieceBytes + memoryAlign);
  }

  giveBack(memory: Uint8Array): void {
    this.#free.push(memory);
  }
}

/** Memory of one request, from when it is first looked at. */
export class Piece {
  readonly length: number;
  readonly #pool: MemoryPool;
  readonly #start: number;
  #memory: Uint8Array | undefined;

  constructor(pool: MemoryPool, start: number, length: number) {
    this.#pool = pool;
    this.#start = start;
    this.length = length;
  }

  bytes(): Uint8Array {
    this.#memory ??= this.#pool.take();
    return this.#memory.subarray(this.#start, this.#start + this.length);
  }

  /** Nobody uses the bytes any more. */
  release(): void {
    if (this.#memory !== undefined) this.#pool.giveBack(this.#memory);
    this.#memory = undefined;
  }
}

/** Fills a piece from a device; `side` is what errors call it. */
export function readPiece(device: BlockDevice, offset: bigint, piece: Piece, side: string): void | Promise<void> {
  const fail = (error: unknown): never => {
    throw failureAt(error, `reading the ${side} at ${offset}`);
  };
  try {
    const reading =
      device.readLate === undefined
        ? device.read(plain(offset), piece.bytes())
        : device.readLate(plain(offset), piece.length, () => piece.bytes());
    return reading?.catch(fail);
  } catch (error) {
    return fail(error);
  }
}
