/** A read-only device over a slow one: blocks that were read are kept, and the next ones are fetched ahead. */
import { type BlockDevice, defineDevice } from '@nbdjs/storage';
import { LRUCache } from 'lru-cache';

export interface BlockCacheOptions {
  /** Length of one block in bytes. @default 1 MiB */
  readonly blockBytes?: number | undefined;
  /** Blocks that are kept. @default 64 */
  readonly blocksMax?: number | undefined;
  /** Blocks that are fetched behind one that is read in order. @default 2 */
  readonly readAhead?: number | undefined;
}

/** Closing it closes the device below. */
export function createBlockCache(below: BlockDevice, options: BlockCacheOptions = {}): BlockDevice {
  const { blockBytes = 2 ** 20, blocksMax = 64, readAhead = 2 } = options;
  const size = Number(below.geometry.size);
  const blocks = new LRUCache<number, Promise<Uint8Array>>({ max: blocksMax });
  const closing = new AbortController();
  let previous = -1;

  /** Readers of one block share one request, which goes on when one of them gives up. */
  const fetchBlock = (index: number): Promise<Uint8Array> => {
    const kept = blocks.get(index);
    if (kept !== undefined) return kept;
    const block = readBlock(index);
    blocks.set(index, block);
    // What has failed is asked for again.
    block.catch(() => {
      if (blocks.peek(index) === block) blocks.delete(index);
    });
    return block;
  };

  const readBlock = async (index: number): Promise<Uint8Array> => {
    const bytes = new Uint8Array(Math.min(blockBytes, size - index * blockBytes));
    await below.read(index * blockBytes, bytes, { signal: closing.signal });
    return bytes;
  };

  return defineDevice({
    size,
    async read(offset, target) {
      const first = Math.floor(offset / blockBytes);
      const last = Math.floor((offset + target.length - 1) / blockBytes);
      const isInOrder = first === previous || first === previous + 1;
      previous = last;
      // Those of a long read are all asked for at once.
      const wanted = Array.from({ length: last - first + 1 }, (_, place) => fetchBlock(first + place));
      for (let index = last + 1; isInOrder && index <= last + readAhead && index * blockBytes < size; index++) {
        void fetchBlock(index);
      }
      const got = await Promise.all(wanted);
      for (const [place, block] of got.entries()) {
        const start = (first + place) * blockBytes;
        const from = Math.max(offset - start, 0);
        target.set(block.subarray(from, offset + target.length - start), start + from - offset);
      }
    },
    async close() {
      closing.abort(new Error('the device was closed'));
      await below.close();
    },
  });
}
