/** Whether a copy is so fast that asking for the map may cost more than reading. */

/** A copy that is faster counts as fast. In bytes per millisecond. */
const fastBytesPerMs = 200_000;

export class CopySpeed {
  #doneBytes = 0n;
  #startMs: number | undefined;

  /** The first segment is handed out. */
  begin(): void {
    this.#startMs ??= Date.now();
  }

  completed(bytes: bigint): void {
    this.#doneBytes += bytes;
  }

  /** As long as nothing is done, the copy counts as fast. */
  get isFast(): boolean {
    if (this.#startMs === undefined || this.#doneBytes === 0n) return true;
    return Number(this.#doneBytes) >= fastBytesPerMs * (Date.now() - this.#startMs);
  }
}
