/** Reads one message field by field, in network byte order. */
import { Malformed } from './malformed.ts';
import { decodeDisplayText, decodeText } from './text.ts';

/**
 * Walks through one payload. The first fault sticks: later reads give zeroes and empty strings, and `finish` gives the
 * fault instead of the value. So a decoder reads from top to bottom like the table in the specification.
 */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  readonly #rule: string;
  #position = 0;
  #fault: Malformed | undefined;

  /** `what` names the payload in messages, such as `SERVER reply`; `rule` is the one that tells its layout. */
  constructor(bytes: Uint8Array, what: string, rule: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
    this.#rule = rule;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#fault === undefined ? this.#bytes.length - this.#position : 0;
  }

  get faulty(): boolean {
    return this.#fault !== undefined;
  }

  u16(field: string): number {
    return this.#has(2, field) ? this.#view.getUint16(this.#skip(2)) : 0;
  }

  u32(field: string): number {
    return this.#has(4, field) ? this.#view.getUint32(this.#skip(4)) : 0;
  }

  u64(field: string): bigint {
    return this.#has(8, field) ? this.#view.getBigUint64(this.#skip(8)) : 0n;
  }

  /** A string of `byteCount` bytes that identifies something: it has to be exact. */
  text(byteCount: number, field: string): string {
    return this.#text(byteCount, field, decodeText);
  }

  /** A string of `byteCount` bytes that is only shown: what is no UTF-8 is replaced. */
  displayText(byteCount: number, field: string): string {
    return this.#text(byteCount, field, decodeDisplayText);
  }

  /** Records a fault that the reader cannot see itself; the first one counts. */
  fail(violation: string, message: string, rule: string = this.#rule): void {
    this.#fault ??= new Malformed(violation, `${this.#what}: ${message}`, rule);
  }

  /** The value, if everything was well and nothing is left over. */
  finish<Value>(value: Value): Value | Malformed {
    if (this.remaining > 0) this.fail('payload-too-long', `${this.remaining} bytes left over behind the last field`);
    return this.#fault ?? value;
  }

  #text(byteCount: number, field: string, decode: typeof decodeText): string {
    if (!this.#has(byteCount, field)) return '';
    const start = this.#skip(byteCount);
    const text = decode(this.#bytes.subarray(start, start + byteCount), field);
    if (!(text instanceof Malformed)) return text;
    this.fail(text.violation, text.message, text.rule);
    return '';
  }

  #has(byteCount: number, field: string): boolean {
    if (this.#fault !== undefined) return false;
    if (byteCount <= this.#bytes.length - this.#position) return true;
    const left = this.#bytes.length - this.#position;
    this.fail('payload-too-short', `expected ${byteCount} bytes for the ${field}, got ${left}`);
    return false;
  }

  #skip(byteCount: number): number {
    const start = this.#position;
    this.#position += byteCount;
    return start;
  }
}
