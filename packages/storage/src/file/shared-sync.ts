/**
 * Bringing a file to its disk, together for those who wait for it: what begins after a request covers all that came before it. So
 * few run at once that threads are left for others.
 */

/** The second has the disk at work while the first one's end is told. */
const runningMax = 2;

export class SharedSync {
  readonly #sync: () => Promise<void>;
  #runningCount = 0;
  #next: { readonly promise: Promise<void>; readonly begin: () => void } | undefined;

  constructor(sync: () => Promise<void>) {
    this.#sync = sync;
  }

  get isRunning(): boolean {
    return this.#runningCount > 0;
  }

  /** Settles with a run that has begun after the call. */
  run(): Promise<void> {
    if (this.#runningCount < runningMax) return this.#begin();
    this.#next ??= this.#later();
    return this.#next.promise;
  }

  #later(): { readonly promise: Promise<void>; readonly begin: () => void } {
    let begin = (): void => {};
    const promise = new Promise<void>((resolve) => {
      begin = () => resolve(this.#begin());
    });
    return { promise, begin };
  }

  async #begin(): Promise<void> {
    this.#runningCount++;
    try {
      await this.#sync();
    } finally {
      this.#runningCount--;
      const next = this.#next;
      this.#next = undefined;
      next?.begin();
    }
  }
}
