/** Distinguishes a slow peer from one without progress. */
export class ProgressMeter {
  readonly #bytesMin: number;
  /** Since when there was no progress; `undefined` while it is not the peer's turn. */
  #sinceMs: number | undefined;
  #markBytes = 0;
  #markCount = 0;

  /** `bytesMin`: fewer bytes are no progress. */
  constructor(bytesMin: number) {
    this.#bytesMin = bytesMin;
  }

  /**
   * For how long the peer has stood still, in milliseconds. `isDue`: whether it is its turn. `bytes` and `count`: sums of bytes
   * and of finished things since the beginning.
   */
  standstillMs(now: number, isDue: boolean, bytes: number, count: number): number {
    if (!isDue) {
      this.#sinceMs = undefined;
      return 0;
    }
    const hasMoved = bytes - this.#markBytes >= this.#bytesMin || count !== this.#markCount;
    if (this.#sinceMs === undefined || hasMoved) {
      this.#sinceMs = now;
      this.#markBytes = bytes;
      this.#markCount = count;
    }
    return now - this.#sinceMs;
  }
}
