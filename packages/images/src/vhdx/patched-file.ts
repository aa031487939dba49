/** A file with changes over it that are kept in memory: what a log would write. */
import { IntervalMap } from '@nbdjs/kit';
import type { FileBytes } from '../device/image-file.ts';

/** Bytes that replace those of the file from `start` on; `undefined`: zeroes. */
interface Patch {
  readonly start: number;
  readonly bytes: Uint8Array | undefined;
}

/** A file and its changes. */
export class PatchedFile implements FileBytes {
  readonly #file: FileBytes;
  readonly #patches = new IntervalMap<Patch>();
  #size: number;

  constructor(file: FileBytes) {
    this.#file = file;
    this.#size = file.size;
  }

  /** In bytes; grows with the changes. */
  get size(): number {
    return this.#size;
  }

  /** Makes the file longer; what is added reads as zeroes. */
  grow(size: number): void {
    this.#size = Math.max(this.#size, size);
  }

  /** Changes a range. The bytes are kept. */
  write(start: number, bytes: Uint8Array): void {
    this.#set(start, bytes.length, { start, bytes });
  }

  /** Makes a range zero. */
  zero(start: number, length: number): void {
    this.#set(start, length, { start, bytes: undefined });
  }

  async read(offset: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
    const stored = Math.max(0, Math.min(target.length, this.#file.size - offset));
    target.fill(0, stored);
    if (stored > 0) await this.#file.read(offset, target.subarray(0, stored), signal);
    signal?.throwIfAborted();
    for (const { from, to, value } of this.#patches.within(BigInt(offset), BigInt(offset + target.length))) {
      if (value === undefined) continue;
      const [start, end] = [Number(from), Number(to)];
      const place = target.subarray(start - offset, end - offset);
      if (value.bytes === undefined) place.fill(0);
      else place.set(value.bytes.subarray(start - value.start, end - value.start));
    }
  }

  #set(start: number, length: number, patch: Patch): void {
    this.#patches.set(BigInt(start), BigInt(start + length), patch);
    this.grow(start + length);
  }
}
