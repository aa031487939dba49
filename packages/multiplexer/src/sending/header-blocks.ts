/** Memory for request headers, in blocks that are used again and again. */
import { FreeList } from '@nbdjs/kit';

/** Holds all the headers of a usual batch, with small payloads between them. */
const blockBytes = 256 * 1024;
/** Blocks that are kept for later. */
const sparesMax = 4;

export class HeaderBlock {
  readonly bytes = new Uint8Array(blockBytes);
  readonly view = new DataView(this.bytes.buffer);
  /** Bytes that have been written. */
  used = 0;
  /** Where the run of bytes begins that has not been made a chunk. */
  runStart = 0;
}

export class HeaderBlocks {
  readonly #blocks = new FreeList(() => new HeaderBlock(), sparesMax);

  /** An empty block. */
  take(): HeaderBlock {
    const block = this.#blocks.take();
    block.used = 0;
    block.runStart = 0;
    return block;
  }

  /** Takes back blocks that are not read any more. */
  giveBack(blocks: readonly HeaderBlock[]): void {
    for (const block of blocks) this.#blocks.giveBack(block);
  }
}
