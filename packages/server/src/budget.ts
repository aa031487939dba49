/** Memory that all sessions of a server share: whoever finds it used up waits for the others. */
export class Budget {
  readonly #bytes: number;
  #freeBytes: number;
  readonly #waiting = new Set<() => void>();

  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#freeBytes = bytes;
  }

  get usedBytes(): number {
    return this.#bytes - this.#freeBytes;
  }

  /**
   * `false` when there is not so much left; `retry` is called once when there may be. Nobody who is alone has to wait, however
   * much it is.
   */
  take(bytes: number, retry: () => void): boolean {
    if (bytes > this.#freeBytes && this.#freeBytes < this.#bytes) {
      this.#waiting.add(retry);
      return false;
    }
    this.#freeBytes -= bytes;
    return true;
  }

  /** For memory that is in use already. */
  takeAnyway(bytes: number): void {
    this.#freeBytes -= bytes;
  }

  giveBack(bytes: number): void {
    this.#freeBytes += bytes;
    if (this.#waiting.size === 0 || bytes === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const retry of waiting) retry();
  }

  forget(retry: () => void): void {
    this.#waiting.delete(retry);
  }
}
