/** The memory that bytes of one channel land in. */

/** At first; most connections carry little. */
const firstBytes = 64 * 1024;
/** From the first delivery on that has filled its memory. */
const fullBytes = 512 * 1024;

export class Inlet {
  #memory: Uint8Array = new Uint8Array(firstBytes);
  /** Memory that is lent to the other channel until it has drained. */
  #lent: Uint8Array[] = [];
  readonly #spare: Uint8Array[] = [];

  /** Where the next bytes land. */
  get memory(): Uint8Array {
    return this.#memory;
  }

  /** The bytes of a delivery; the memory is used again for the next, unless it is lent. */
  landed(byteCount: number): Uint8Array {
    const bytes = this.#memory.subarray(0, byteCount);
    if (byteCount === firstBytes && this.#memory.length === firstBytes) this.#memory = new Uint8Array(fullBytes);
    return bytes;
  }

  /** The bytes of the last delivery are still needed. */
  lend(bytes: Uint8Array): void {
    this.#lent.push(new Uint8Array(bytes.buffer));
    if (bytes.buffer === this.#memory.buffer) this.#memory = this.#spare.pop() ?? new Uint8Array(this.#memory.length);
  }

  /** No memory is lent any more. */
  reclaim(): void {
    // A second delivery can come while the channel is being paused; more memory than that is not needed again.
    for (const memory of this.#lent) {
      if (this.#spare.length < 2 && memory.length === this.#memory.length) this.#spare.push(memory);
    }
    this.#lent = [];
  }
}
