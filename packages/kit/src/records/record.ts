/**
 * Records of a file or a stream: the length of a body in 32 bits, a type of one byte, the body, and the CRC-32C of all that. Numbers are in
 * network byte order, as in NBD.
 */
import { concatenate } from '../memory/concatenate.ts';
import { crc32c } from '../memory/crc.ts';

/** Length and type in front of the body, in bytes. */
export const recordHeaderBytes = 5;
/** The checksum behind it, in bytes. */
export const recordTrailerBytes = 4;

/** A record that has come. */
export interface RawRecord {
  /** What it is, a byte. */
  readonly type: number;
  /** In memory of its own. */
  readonly body: Uint8Array;
  /** All of it, from its length to its checksum. */
  readonly bytes: Uint8Array;
}

/** Returns a record whose body has these parts, in new memory. */
export function encodeRecord(type: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const bodyBytes = parts.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(recordHeaderBytes + bodyBytes + recordTrailerBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bodyBytes);
  view.setUint8(4, type);
  let at = recordHeaderBytes;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  view.setUint32(at, crc32c(bytes.subarray(0, at)));
  return bytes;
}

/** Finds the records in bytes that are cut in any way. Keeps the bytes of one record at most. */
export class RecordSplitter {
  readonly #bodyBytesMax: number;
  readonly #header = new Uint8Array(recordHeaderBytes);
  /** The record that is coming, when its header is complete. */
  #record: Uint8Array | undefined;
  #filled = 0;
  #position: number;
  #damage: string | undefined;

  /** `position`: where the first record begins, in bytes. */
  constructor(options: { readonly position: number; readonly bodyBytesMax: number }) {
    this.#position = options.position;
    this.#bodyBytesMax = options.bodyBytesMax;
  }

  /** Where the first record begins that has not come whole, in bytes. */
  get position(): number {
    return this.#position;
  }

  /** Whether a part of a record has come. */
  get isWithin(): boolean {
    return this.#filled > 0;
  }

  /** What is wrong with the record at the position, in words; nothing can be read from there on. */
  get damage(): string | undefined {
    return this.#damage;
  }

  /** Yields the records that end in these bytes. A caller that stops early loses the rest of the bytes. */
  *push(bytes: Uint8Array): Generator<RawRecord, void, void> {
    for (let at = 0; at < bytes.length && this.#damage === undefined; ) {
      const target = this.#record ?? this.#header;
      const part = bytes.subarray(at, at + target.length - this.#filled);
      target.set(part, this.#filled);
      at += part.length;
      this.#filled += part.length;
      if (this.#filled < target.length) return;
      const record = target === this.#header ? this.#begun() : this.#ended(target);
      if (record !== undefined) yield record;
    }
  }

  /** The header is complete. */
  #begun(): undefined {
    const bodyBytes = new DataView(this.#header.buffer).getUint32(0);
    if (bodyBytes > this.#bodyBytesMax) {
      this.#damage = `a record has ${bodyBytes} bytes, expected at most ${this.#bodyBytesMax}`;
      return;
    }
    this.#record = new Uint8Array(recordHeaderBytes + bodyBytes + recordTrailerBytes);
    this.#record.set(this.#header);
  }

  #ended(record: Uint8Array): RawRecord | undefined {
    const end = record.length - recordTrailerBytes;
    const expected = new DataView(record.buffer).getUint32(end);
    const found = crc32c(record.subarray(0, end));
    if (found !== expected) {
      this.#damage = `a record is damaged: its checksum is ${inHex(found)}, expected ${inHex(expected)}`;
      return undefined;
    }
    this.#position += record.length;
    this.#record = undefined;
    this.#filled = 0;
    return { type: record[4] as number, body: record.subarray(recordHeaderBytes, end), bytes: record };
  }
}

/** A number and the bytes that it takes. */
export type NumberField = readonly [byteCount: 1 | 2 | 4 | 8, value: number | bigint];

/** Returns numbers one behind the other, for the body of a record. */
export function encodeNumbers(...fields: readonly NumberField[]): Uint8Array {
  return concatenate(
    fields.map(([byteCount, value]) => {
      const bytes = new Uint8Array(byteCount);
      const view = new DataView(bytes.buffer);
      if (byteCount === 8) view.setBigUint64(0, BigInt(value));
      else if (byteCount === 4) view.setUint32(0, Number(value));
      else if (byteCount === 2) view.setUint16(0, Number(value));
      else view.setUint8(0, Number(value));
      return bytes;
    }),
  );
}

const inHex = (number: number): string => `0x${number.toString(16).padStart(8, '0')}`;
