/** Builds one message field by field, in network byte order. */
import { encodeName } from '../text/name.ts';
import { encodeText } from '../text/text.ts';

export class PayloadWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  u16(value: number): this {
    const bytes = new Uint8Array(2);
    new DataView(bytes.buffer).setUint16(0, value);
    return this.bytes(bytes);
  }

  u32(value: number): this {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return this.bytes(bytes);
  }

  u64(value: bigint): this {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value);
    return this.bytes(bytes);
  }

  bytes(bytes: Uint8Array): this {
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  zeroes(byteCount: number): this {
    return this.bytes(new Uint8Array(byteCount));
  }

  /** A string without a length of its own: it ends with the message. */
  text(text: string, what: string): this {
    return this.bytes(encodeText(text, what));
  }

  /** The name of an export, without a length of its own: it ends with the message. */
  name(name: string): this {
    return this.bytes(encodeName(name));
  }

  /** The name of an export after its 32-bit length. */
  countedName(name: string): this {
    const bytes = encodeName(name);
    return this.u32(bytes.length).bytes(bytes);
  }

  /** A string after its 32-bit length. */
  countedText(text: string, what: string): this {
    const bytes = encodeText(text, what);
    return this.u32(bytes.length).bytes(bytes);
  }

  /** Everything written so far, in fresh memory. */
  finish(): Uint8Array {
    const whole = new Uint8Array(this.#length);
    let position = 0;
    for (const part of this.#parts) {
      whole.set(part, position);
      position += part.length;
    }
    return whole;
  }
}
