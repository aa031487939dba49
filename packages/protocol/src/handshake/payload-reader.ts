/** Reads one message field by field, in network byte order. */
import { Malformed } from '../malformed.ts';
import { decodeName } from '../text/name.ts';
import { decodeDisplayText, decodeText } from '../text/text.ts';

/**
 * Reads one payload from its start to its end. The first fault is kept: later reads return zeroes and empty strings, and `finish`
 * returns the fault instead of the value. So a decoder reads from top to bottom like the table in the specification.
 */
export class PayloadReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  readonly #rule: string;
  #position = 0;
  #fault: Malformed | undefined;

  /** `what` names the payload in messages, such as `SERVER reply`; `rule` is the one that defines its layout. */
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
    const text = decodeText(this.#take(byteCount, field), field);
    if (!(text instanceof Malformed)) return text;
    this.fail(text.violation, text.message, text.rule);
    return '';
  }

  /** A name of `byteCount` bytes, which may have any values; see `decodeName`. */
  name(byteCount: number, field: string): string {
    return decodeName(this.#take(byteCount, field));
  }

  /** A string of `byteCount` bytes that is only shown: bytes that are not UTF-8 are replaced. */
  displayText(byteCount: number, field: string): string {
    return decodeDisplayText(this.#take(byteCount, field));
  }

  /** Records a fault that the reader itself cannot detect; the first one counts. */
  fail(violation: string, message: string, rule: string = this.#rule): void {
    this.#fault ??= new Malformed(violation, `${this.#what}: ${message}`, rule);
  }

  /** The value, or the first fault; bytes that are left over are one. */
  finish<Value>(value: Value): Value | Malformed {
    if (this.remaining > 0) this.fail('payload-too-long', `${this.remaining} bytes left over after the last field`);
    return this.#fault ?? value;
  }

  /** Bytes of the payload itself; none after a fault. */
  #take(byteCount: number, field: string): Uint8Array {
    if (!this.#has(byteCount, field)) return new Uint8Array(0);
    const start = this.#skip(byteCount);
    return this.#bytes.subarray(start, start + byteCount);
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
