/** Work of which only so much runs at a time; the rest waits in order. */
export class Semaphore {
  readonly #max: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  /** `max`: how much runs at a time. */
  constructor(max: number) {
    this.#max = max;
  }

  /** Work that runs or waits. */
  get load(): number {
    return this.#running + this.#waiting.length;
  }

  /** Runs work as soon as there is a place for it, and settles as it does. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running >= this.#max) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running++;
    try {
      return await work();
    } finally {
      // The place goes on to the next one, so that none that comes now can take it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
