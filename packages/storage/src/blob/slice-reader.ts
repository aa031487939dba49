/** Reads slices of a blob, a limited number at a time. */
import { CommandError } from '@nbdjs/interfaces';
import { settleAll, untilAborted } from '@nbdjs/kit';
import { storageError } from '../web/storage-error.ts';
import type { BlobLike } from './blob-like.ts';

/** Bytes that one slice has at most: every slice under way has its own memory until its bytes are copied. */
const sliceBytesMax = 1024 * 1024;

export class SliceReader {
  readonly #blob: BlobLike;
  readonly #slicesMax: number;
  readonly #waiting: (() => void)[] = [];
  readonly #idle: (() => void)[] = [];
  #underWay = 0;

  constructor(blob: BlobLike, slicesMax: number) {
    this.#blob = blob;
    this.#slicesMax = slicesMax;
  }

  /** Fills `target`. After an abort it is not touched any more, although slices may still be under way. */
  async read(offset: number, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const slices = [];
    for (let position = 0; position < target.length; position += sliceBytesMax) {
      const piece = target.subarray(position, position + sliceBytesMax);
      slices.push(this.#readSlice(offset + position, piece, signal));
    }
    await untilAborted(Promise.resolve(settleAll(slices)), signal);
  }

  /** Settles when no slice is under way. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  async #readSlice(offset: number, target: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    if (this.#underWay === this.#slicesMax) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#underWay++;
    try {
      if (signal?.aborted) return;
      const bytes = await this.#fetch(offset, target.length);
      if (!signal?.aborted) target.set(bytes);
    } finally {
      this.#leave();
    }
  }

  async #fetch(offset: number, length: number): Promise<Uint8Array> {
    const what = `reading ${this.#blob.name ?? 'the blob'} at ${offset}`;
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(await this.#blob.slice(offset, offset + length).arrayBuffer());
    } catch (error) {
      throw storageError(what, error);
    }
    if (bytes.length !== length) throw new CommandError('EIO', `${what} gave ${bytes.length} of ${length} bytes`);
    return bytes;
  }

  /** Gives the place to the slice that has waited longest. */
  #leave(): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next();
    else this.#underWay--;
    if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }
}
