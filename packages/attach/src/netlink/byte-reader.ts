/** Numbers in messages of the kernel, in the order of bytes of all processors that are supported here (little-endian). */
import { DamagedMessage } from './damaged-message.ts';

/** Reads numbers, and reports those that are not wholly there. */
export class ByteReader {
  readonly #view: DataView;
  readonly #what: string;

  /** `what` is how errors call the bytes. */
  constructor(bytes: Uint8Array, what: string) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  u8(offset: number): number {
    return this.#at(offset, 1).getUint8(offset);
  }

  u16(offset: number): number {
    return this.#at(offset, 2).getUint16(offset, true);
  }

  u32(offset: number): number {
    return this.#at(offset, 4).getUint32(offset, true);
  }

  i32(offset: number): number {
    return this.#at(offset, 4).getInt32(offset, true);
  }

  #at(offset: number, byteCount: number): DataView {
    if (offset + byteCount <= this.#view.byteLength) return this.#view;
    throw new DamagedMessage(
      `${this.#what} has ${this.#view.byteLength} bytes, expected ${offset + byteCount} at least`,
    );
  }
}
