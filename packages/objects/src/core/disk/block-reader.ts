/** Reads parts of blocks: what was written since from memory, and the rest from the object that is named at that moment. */
import { chunksPerObject, hasChunk } from '../format/data-object.ts';
import type { BlockEntry } from '../format/index-page.ts';
import { isSameObject } from '../format/object-name.ts';
import type { BlockMap } from '../map/block-map.ts';
import { isStoreError } from '../store/store-error.ts';
import type { ChunkReader } from './chunk-reader.ts';
import type { WriteBuffer } from './write-buffer.ts';

/** How often a block is looked up again whose object was replaced and collected while it was read. */
const lookupsMax = 5;

export class BlockReader {
  readonly #map: BlockMap;
  readonly #reader: ChunkReader;
  readonly #buffer: WriteBuffer | undefined;
  readonly #chunkBytes: number;

  constructor(map: BlockMap, reader: ChunkReader, buffer: WriteBuffer | undefined, blockBytes: number) {
    this.#map = map;
    this.#reader = reader;
    this.#buffer = buffer;
    this.#chunkBytes = blockBytes / chunksPerObject;
  }

  /**
   * Fills `target` with the bytes of a block from `from` on.
   *
   * @param onHole is told the parts of the target that are stored nowhere
   */
  async read(
    block: number,
    from: number,
    target: Uint8Array,
    signal: AbortSignal | undefined,
    onHole: (from: number, to: number) => void,
  ): Promise<void> {
    const to = from + target.length;
    for (let lookup = 1; ; lookup++) {
      const found = this.#map.get(block);
      const entry = found instanceof Promise ? await found : found;
      signal?.throwIfAborted();
      // From here to the request there is no wait, so that the layers and the entry are of one moment.
      if (found instanceof Promise && !isSameEntry(entry, this.#map.get(block))) continue;
      const dirty = this.#buffer?.blockAt(block);
      const needed: { readonly chunk: number; readonly from: number; readonly to: number }[] = [];
      for (let chunk = Math.floor(from / this.#chunkBytes); chunk * this.#chunkBytes < to; chunk++) {
        const chunkStart = chunk * this.#chunkBytes;
        const first = Math.max(from, chunkStart) - chunkStart;
        const last = Math.min(to, chunkStart + this.#chunkBytes) - chunkStart;
        const part = (start: number, end: number): Uint8Array =>
          target.subarray(chunkStart + start - from, chunkStart + end - from);
        let gaps: readonly (readonly [number, number])[] = [[first, last]];
        for (const layer of [dirty?.fresh, dirty?.frozen]) {
          if (layer === undefined) continue;
          gaps = gaps.flatMap(([start, end]) => layer.copy(chunk, start, end, part(start, end)));
        }
        for (const [start, end] of gaps) {
          if (entry !== undefined && hasChunk(entry.chunks, chunk)) needed.push({ chunk, from: start, to: end });
          else {
            part(start, end).fill(0);
            onHole(chunkStart + start - from, chunkStart + end - from);
          }
        }
      }
      if (entry === undefined || needed.length === 0) return;
      try {
        const chunks = await this.#reader.read(entry, [...new Set(needed.map(({ chunk }) => chunk))]);
        signal?.throwIfAborted();
        for (const one of needed) {
          const position = one.chunk * this.#chunkBytes + one.from - from;
          target.set((chunks.get(one.chunk) as Uint8Array).subarray(one.from, one.to), position);
        }
        return;
      } catch (error) {
        if (!isStoreError(error, 'ERR_NBD_STORE_NOT_FOUND') || lookup >= lookupsMax) throw error;
        // It was replaced meanwhile, and collected; if not, it is really gone.
        if (isSameEntry(entry, await this.#map.get(block))) throw error;
      }
    }
  }
}

function isSameEntry(
  one: BlockEntry | undefined,
  other: BlockEntry | undefined | Promise<BlockEntry | undefined>,
): boolean {
  if (other instanceof Promise) {
    // It is looked up once more, which reports a failure.
    other.catch(() => {});
    return false;
  }
  return isSameObject(one?.object, other?.object);
}
