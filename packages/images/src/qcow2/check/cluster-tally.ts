/** How often clusters of a file are referred to, counted in bounded memory: in several passes where an image is scattered over a huge file. */

/** Clusters whose counts are kept together. */
const blockClusters = 256;
/** Counts do not go higher; no image in use comes near. */
const countMax = 65_535;

export class ClusterTally {
  readonly #blocksMax: number;
  readonly #blocks = new Map<number, Uint16Array>();
  /** Counted in this pass: clusters from `first` on, up to, but without, `end`. */
  #first = 0;
  #end = Number.POSITIVE_INFINITY;

  /** `bytesMax`: memory for counts, in bytes. */
  constructor(bytesMax: number) {
    this.#blocksMax = Math.max(2, Math.floor(bytesMax / (2 * blockClusters)));
  }

  /** The first cluster that counts in this pass. */
  get first(): number {
    return this.#first;
  }

  /** Behind the last cluster that counts in this pass; infinite when no pass has to follow. */
  get end(): number {
    return this.#end;
  }

  /** Clusters from `first` to `last` are referred to so many times more. */
  add(first: number, last: number, times: number): void {
    for (let cluster = Math.max(first, this.#first); cluster <= last && cluster < this.#end; cluster++) {
      const index = Math.floor(cluster / blockClusters);
      let block = this.#blocks.get(index);
      if (block === undefined) {
        block = new Uint16Array(blockClusters);
        this.#blocks.set(index, block);
        if (this.#blocks.size > this.#blocksMax) this.#narrow();
      }
      const at = cluster % blockClusters;
      block[at] = Math.min(countMax, (block[at] ?? 0) + times);
    }
  }

  /** How often a cluster of this pass is referred to. */
  count(cluster: number): number {
    return this.#blocks.get(Math.floor(cluster / blockClusters))?.[cluster % blockClusters] ?? 0;
  }

  /** Clusters of this pass that are referred to, in runs of neighbours, ascending. */
  *runs(): Generator<readonly [first: number, counts: Uint16Array]> {
    for (const index of [...this.#blocks.keys()].sort((one, other) => one - other)) {
      if (index * blockClusters < this.#end) yield [index * blockClusters, this.#blocks.get(index) as Uint16Array];
    }
  }

  /** The next pass begins where this one has ended. */
  next(): void {
    this.#first = this.#end;
    this.#end = Number.POSITIVE_INFINITY;
    this.#blocks.clear();
  }

  /** What is far behind is left to the next pass. */
  #narrow(): void {
    const indexes = [...this.#blocks.keys()].sort((one, other) => one - other);
    const middle = indexes[Math.floor(indexes.length / 2)] as number;
    this.#end = middle * blockClusters;
    for (const index of indexes) if (index >= middle) this.#blocks.delete(index);
  }
}
