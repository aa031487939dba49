/** Results in order, of work that is begun before its result is asked for. */

/** Work that is under way. */
export interface Ahead<Result> {
  /** The result, or what settles with it. */
  readonly result: Result | Promise<Result>;
  /** How much of the depth it takes. @default 1 */
  readonly share?: number | undefined;
}

/**
 * Keeps several pieces of work in flight and gives their results in the order in which they were begun.
 */
export class ReadAhead<Result> {
  readonly #depth: { readonly limit: number };
  readonly #begin: () => Ahead<Result> | undefined | Promise<Ahead<Result> | undefined>;
  readonly #queue: Ahead<Result>[] = [];
  #shares = 0;

  /**
   * @param depth how much may be in flight: a number, or what has the present one (`QueueDepth`). Another piece is begun while the shares
   *   of those in flight are less, so that the last one may reach above it.
   * @param begin begins the next piece; `undefined` means that there is none now, and it is asked again for the next result
   */
  constructor(
    depth: number | { readonly limit: number },
    begin: () => Ahead<Result> | undefined | Promise<Ahead<Result> | undefined>,
  ) {
    this.#depth = typeof depth === 'number' ? { limit: depth } : depth;
    this.#begin = begin;
  }

  /**
   * Returns the next result, or `undefined` when nothing is left.
   *
   * @throws what `begin` throws, and what this piece of work fails with.
   */
  async next(): Promise<Result | undefined> {
    while (this.#shares < this.#depth.limit) {
      const beginning = this.#begin();
      const begun = beginning instanceof Promise ? await beginning : beginning;
      if (begun === undefined) break;
      // When an earlier piece fails, this one may never be asked for.
      if (begun.result instanceof Promise) begun.result.catch(() => {});
      this.#queue.push(begun);
      this.#shares += begun.share ?? 1;
    }
    const first = this.#queue.shift();
    if (first === undefined) return undefined;
    this.#shares -= first.share ?? 1;
    const { result } = first;
    // To return a promise from here would take two turns more.
    return result instanceof Promise ? await result : result;
  }

  /** Settles when no work is in flight any more. Never rejects: errors of results that were not asked for are dropped. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#queue.map(({ result }) => result));
  }
}
