/** Writes that follow each other in a file, as few and long ones, several at a time. */
import type { WritableFile } from '../../device/writable-file.ts';

/** The length of a write, in bytes, at most. */
const bufferBytes = 2 ** 20;
/** Writes under way at a time. */
const writesMax = 4;

export class OutputBuffer {
  readonly #file: WritableFile;
  #buffer = new Uint8Array(bufferBytes);
  /** Where the buffer's first byte belongs. */
  #start = 0;
  #filled = 0;
  readonly #writes = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(file: WritableFile) {
    this.#file = file;
  }

  /** The memory is the caller's again afterwards. @throws what an earlier write failed with. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    if (offset !== this.#start + this.#filled) {
      await this.#send();
      this.#start = offset;
    }
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + bufferBytes - this.#filled);
      this.#buffer.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled === bufferBytes) await this.#send();
    }
  }

  /** Waits until all is written. */
  async end(): Promise<void> {
    await this.#send();
    await Promise.all(this.#writes);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #send(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    if (this.#filled === 0) return;
    const bytes = this.#buffer.subarray(0, this.#filled);
    const start = this.#start;
    this.#buffer = new Uint8Array(bufferBytes);
    this.#start += this.#filled;
    this.#filled = 0;
    const writing = this.#store(start, bytes).finally(() => this.#writes.delete(writing));
    this.#writes.add(writing);
    while (this.#writes.size >= writesMax) await Promise.race(this.#writes);
  }

  /** A failure is reported by the next call. */
  async #store(start: number, bytes: Uint8Array): Promise<void> {
    try {
      await this.#file.require(start + bytes.length);
      await this.#file.write(start, bytes);
    } catch (error) {
      this.#failure ??= { error };
    }
  }
}
