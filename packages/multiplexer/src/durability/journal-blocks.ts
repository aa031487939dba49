/** Memory for the payloads that a journal keeps, in blocks that are used again. */
import { FreeList } from '@nbdjs/kit';

const blockBytes = 1024 * 1024;
/** Empty blocks that are kept for later. */
const sparesMax = 64;

export class JournalBlock {
  readonly bytes: Uint8Array;
  used = 0;
  /** Payloads in it that are still wanted. */
  count = 0;

  constructor(byteCount: number) {
    this.bytes = new Uint8Array(byteCount);
  }
}

export class JournalBlocks {
  /** Memory that is in use, in bytes. */
  heldBytes = 0;
  #block: JournalBlock | undefined;
  readonly #spares = new FreeList(() => new JournalBlock(blockBytes), sparesMax);

  /** The block that takes the next `byteCount` bytes, at its `used`. */
  take(byteCount: number): JournalBlock {
    let block = this.#block;
    if (block === undefined || block.bytes.length - block.used < byteCount) {
      // The old one is let go of with the last payload in it.
      if (block?.count === 0) this.#recycle(block);
      block = this.#fresh(byteCount);
      this.#block = block;
    }
    block.count++;
    return block;
  }

  /** One payload of a block is not wanted any more. */
  release(block: JournalBlock): void {
    block.count--;
    if (block.count > 0) return;
    if (block === this.#block) block.used = 0;
    else this.#recycle(block);
  }

  #fresh(byteCount: number): JournalBlock {
    const block = byteCount <= blockBytes ? this.#spares.take() : new JournalBlock(byteCount);
    this.heldBytes += block.bytes.length;
    return block;
  }

  #recycle(block: JournalBlock): void {
    this.heldBytes -= block.bytes.length;
    block.used = 0;
    if (block.bytes.length === blockBytes) this.#spares.giveBack(block);
  }
}
