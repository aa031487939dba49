/** Memory for bytes that wait, used again and again: fresh memory costs more than all the copying. */

const blockBytes = 1024 * 1024;

export class Block {
  readonly bytes = new Uint8Array(blockBytes);
  used = 0;
  /** Pieces of it that still wait. */
  count = 0;
}

/** A run of bytes in a block. */
export interface Piece {
  readonly block: Block;
  readonly start: number;
  readonly end: number;
}

export class BlockPool {
  readonly #spares: Block[] = [];
  #block: Block | undefined;

  /** Copies bytes to where they can wait: into one piece, or several. */
  keep(bytes: Uint8Array): readonly Piece[] {
    const pieces: Piece[] = [];
    for (let position = 0; position < bytes.length; ) {
      const block = this.#room();
      const start = block.used;
      const byteCount = Math.min(bytes.length - position, blockBytes - start);
      block.bytes.set(bytes.subarray(position, position + byteCount), start);
      block.used += byteCount;
      block.count++;
      position += byteCount;
      pieces.push({ block, start, end: block.used });
    }
    return pieces;
  }

  /** So many pieces of a block do not wait any more. */
  release(block: Block, count: number): void {
    block.count -= count;
    if (block.count > 0) return;
    block.used = 0;
    if (block !== this.#block) this.#spares.push(block);
  }

  #room(): Block {
    if (this.#block === undefined || this.#block.used === blockBytes) this.#block = this.#spares.pop() ?? new Block();
    return this.#block;
  }
}
