/** Refcounts as they are in the file, by blocks; the block that was used last is kept. */
import type { FileBytes } from '../../device/image-file.ts';
import type { RefcountBits } from '../refcount-bits.ts';

export class RefcountReader {
  /** How many clusters a block has. */
  readonly perBlock: number;
  readonly #file: FileBytes;
  readonly #blocks: readonly number[];
  readonly #bits: RefcountBits;
  readonly #clusterBytes: number;
  #last = -1;
  #view = new DataView(new ArrayBuffer(0));

  constructor(file: FileBytes, blocks: readonly number[], bits: RefcountBits, clusterBytes: number) {
    this.#file = file;
    this.#blocks = blocks;
    this.#bits = bits;
    this.#clusterBytes = clusterBytes;
    this.perBlock = (clusterBytes * 8) / bits.bits;
  }

  /** A block that there is. What is behind the end of the file is zero. */
  async block(index: number): Promise<DataView> {
    if (index === this.#last) return this.#view;
    const offset = this.#blocks[index] ?? 0;
    const bytes = new Uint8Array(this.#clusterBytes);
    await this.#file.read(offset, bytes.subarray(0, Math.min(bytes.length, this.#file.size - offset)));
    this.#view = new DataView(bytes.buffer);
    this.#last = index;
    return this.#view;
  }

  /** The refcount of a cluster, if its block is the one that was used last. */
  known(cluster: number): number | undefined {
    const index = Math.floor(cluster / this.perBlock);
    return index === this.#last ? this.#bits.get(this.#view, cluster % this.perBlock) : undefined;
  }

  async get(cluster: number): Promise<number> {
    const index = Math.floor(cluster / this.perBlock);
    if ((this.#blocks[index] ?? 0) === 0) return 0;
    return this.#bits.get(await this.block(index), cluster % this.perBlock);
  }
}
