/** Records, written field by field into memory that is used again: for those that are written by the hundred thousand. */
import { crc32c } from '../memory/crc.ts';
import { recordHeaderBytes, recordTrailerBytes } from './record.ts';

/** Room at first, in bytes. */
const firstBytes = 512;

/** Writes records field by field. What `finish` returns is valid until the next `begin`. */
export class RecordWriter {
  #bytes = new Uint8Array(firstBytes);
  #view = new DataView(this.#bytes.buffer);
  #end = recordHeaderBytes;

  /** Begins a record; the memory of the one before is used again. `type`: a byte. */
  begin(type: number): this {
    this.#bytes[4] = type;
    this.#end = recordHeaderBytes;
    return this;
  }

  /** Adds 8 bits. */
  uint8(value: number): this {
    const at = this.#room(1);
    this.#view.setUint8(at, value);
    return this;
  }

  /** Adds 16 bits. */
  uint16(value: number): this {
    const at = this.#room(2);
    this.#view.setUint16(at, value);
    return this;
  }

  /** Adds 32 bits. */
  uint32(value: number): this {
    const at = this.#room(4);
    this.#view.setUint32(at, value);
    return this;
  }

  /** Adds 64 bits; a number has to be a safe integer. */
  uint64(value: number | bigint): this {
    const at = this.#room(8);
    if (typeof value === 'bigint') this.#view.setBigUint64(at, value);
    else {
      this.#view.setUint32(at, Math.floor(value / 2 ** 32));
      this.#view.setUint32(at + 4, value % 2 ** 32);
    }
    return this;
  }

  /** Adds a copy of these bytes. */
  bytes(part: Uint8Array): this {
    const at = this.#room(part.length);
    this.#bytes.set(part, at);
    return this;
  }

  /** Returns the record, in memory that the next one uses again. */
  finish(): Uint8Array {
    const end = this.#end;
    const at = this.#room(recordTrailerBytes);
    this.#view.setUint32(0, end - recordHeaderBytes);
    this.#view.setUint32(at, crc32c(this.#bytes.subarray(0, end)));
    return this.#bytes.subarray(0, end + recordTrailerBytes);
  }

  /** Makes room behind what there is, which may change memory and view, and returns where it begins. */
  #room(byteCount: number): number {
    const at = this.#end;
    this.#end = at + byteCount;
    if (this.#end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(2 * this.#bytes.length, this.#end));
      grown.set(this.#bytes.subarray(0, at));
      this.#bytes = grown;
      this.#view = new DataView(grown.buffer);
    }
    return at;
  }
}
