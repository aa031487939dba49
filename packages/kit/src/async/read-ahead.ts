/** Results in order, of work that is begun before its result is asked for. */

/** Work that is under way. */
export interface Ahead<Result> {
  /** The result, or what settles with it. */
  readonly result: Result | Promise<Result>;
}

/**
 * Keeps several pieces of work in flight and gives their results in the order in which they were begun.
 */
export class ReadAhead<Result> {
  readonly #depth: number;
  readonly #begin: () => Ahead<Result> | undefined | Promise<Ahead<Result> | undefined>;
  readonly #queue: Ahead<Result>[] = [];

  /**
   * `depth`: pieces of work in flight at most. `begin` begins the next piece; `undefined` means that there is none now, and it
   * is asked again for the next result.
   */
  constructor(depth: number, begin: () => Ahead<Result> | undefined | Promise<Ahead<Result> | undefined>) {
    this.#depth = depth;
    this.#begin = begin;
  }

  /**
   * Returns the next result, or `undefined` when nothing is left.
   *
   * @throws what `begin` throws, and what this piece of work fails with.
   */
  async next(): Promise<Result | undefined> {
    while (this.#queue.length < this.#depth) {
      const beginning = this.#begin();
      const begun = beginning instanceof Promise ? await beginning : beginning;
      if (begun === undefined) break;
      // When an earlier piece fails, this one may never be asked for.
      if (begun.result instanceof Promise) begun.result.catch(() => {});
      this.#queue.push(begun);
    }
    const result = this.#queue.shift()?.result;
    // To return a promise from here would take two turns more.
    return result instanceof Promise ? await result : result;
  }

  /** Settles when no work is in flight any more. Never rejects: errors of results that were not asked for are dropped. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#queue.map(({ result }) => result));
  }
}
