/**
 * Syncs a file, with one call for all callers that wait: a sync that begins after a request covers all writes before that request.
 * Only a few run at once, so that threads are left for other work.
 */

/** Two: the second keeps the disk at work while the callers of the first one are answered. */
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

  /** Settles with a sync that has begun after the call. */
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
