/** Buffers for payloads, used again: the buffer that was given back last goes out first, because it is in the cache. */

const bufferBytesMin = 4096;

/** How long the buffer is that `take` gives for a length. */
export function bufferBytes(length: number): number {
  return 2 ** powerOf(length);
}

function powerOf(length: number): number {
  return 32 - Math.clz32(Math.max(length, bufferBytesMin) - 1);
}

export class BufferPool {
  readonly #keptBytesMax: number;
  /** Free buffers by the power of two of their length. */
  readonly #free: Uint8Array[][] = [];
  #keptBytes = 0;

  /** `keptBytesMax`: bytes of free buffers that are kept for later. */
  constructor(keptBytesMax: number) {
    this.#keptBytesMax = keptBytesMax;
  }

  /** At least `length` bytes, with any content; the whole buffer has to be given back. */
  take(length: number): Uint8Array {
    const power = powerOf(length);
    const buffer = this.#free[power]?.pop();
    if (buffer === undefined) return new Uint8Array(2 ** power);
    this.#keptBytes -= buffer.length;
    return buffer;
  }

  giveBack(buffer: Uint8Array): void {
    if (this.#keptBytes + buffer.length > this.#keptBytesMax) return;
    const power = 31 - Math.clz32(buffer.length);
    this.#free[power] ??= [];
    this.#free[power].push(buffer);
    this.#keptBytes += buffer.length;
  }
}
