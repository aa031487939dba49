/** What a disk consists of: data and holes, chunk by chunk. */
import { AllocationStatus, type Extent } from '@nbdjs/interfaces';
import { chunksPerObject, hasChunk } from '../format/data-object.ts';
import { type BlockEntry, blocksPerPage } from '../format/index-page.ts';
import type { BlockMap } from '../map/block-map.ts';
import type { WriteBuffer } from './write-buffer.ts';

const hole = BigInt(AllocationStatus.Hole | AllocationStatus.Zero);

export class DiskExtents {
  readonly #map: BlockMap;
  readonly #buffer: WriteBuffer | undefined;
  readonly #blockBytes: number;
  readonly #chunkBytes: number;

  constructor(map: BlockMap, buffer: WriteBuffer | undefined, blockBytes: number) {
    this.#map = map;
    this.#buffer = buffer;
    this.#blockBytes = blockBytes;
    this.#chunkBytes = blockBytes / chunksPerObject;
  }

  /** The first `count` extents of a range, or all that it has. */
  async within(start: number, end: number, count: number): Promise<readonly Extent[]> {
    const extents: Extent[] = [];
    let position = start;
    const add = (to: number, status: bigint): void => {
      const until = Math.min(to, end);
      if (until <= position) return;
      const last = extents.at(-1);
      const length = BigInt(until - position);
      if (last?.status === status) extents[extents.length - 1] = { ...last, length: last.length + length };
      else extents.push({ offset: BigInt(position), length, status });
      position = until;
    };
    const [firstBlock, endBlock] = [Math.floor(start / this.#blockBytes), Math.ceil(end / this.#blockBytes)];
    for (let page = Math.floor(firstBlock / blocksPerPage); page * blocksPerPage < endBlock; page++) {
      const entries = new Map<number, BlockEntry | undefined>(
        this.#map.hasPage(page) ? await this.#map.blocksOf(page, firstBlock, endBlock) : [],
      );
      const pageEnd = Math.min(endBlock, (page + 1) * blocksPerPage);
      for (const block of this.#buffer?.blocksWithin(page * blocksPerPage, pageEnd) ?? []) {
        if (!entries.has(block)) entries.set(block, undefined);
      }
      for (const [block, entry] of [...entries].sort(([one], [other]) => one - other)) {
        add(block * this.#blockBytes, hole);
        this.#addBlock(block, entry, add);
        if (extents.length > count) return extents.slice(0, count);
      }
      add(pageEnd * this.#blockBytes, hole);
    }
    return extents.slice(0, count);
  }

  #addBlock(block: number, entry: BlockEntry | undefined, add: (to: number, status: bigint) => void): void {
    const dirty = this.#buffer?.blockAt(block);
    for (let chunk = 0; chunk < chunksPerObject; chunk++) {
      const layer = dirty?.fresh.has(chunk) === true ? dirty.fresh : dirty?.frozen;
      const isData =
        layer?.has(chunk) === true ? !layer.isZero(chunk) : entry !== undefined && hasChunk(entry.chunks, chunk);
      add(block * this.#blockBytes + (chunk + 1) * this.#chunkBytes, isData ? 0n : hole);
    }
  }
}
