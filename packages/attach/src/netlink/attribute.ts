/** Attributes of netlink messages: a type, a length, and content that may consist of attributes again (linux/netlink.h, `struct nlattr`). */
import { ByteReader } from './byte-reader.ts';
import { DamagedMessage } from './damaged-message.ts';

/** One attribute. */
export interface Attribute {
  readonly type: number;
  readonly content: Uint8Array;
}

const headerBytes = 4;
/** The bits above say how the content is to be read, which its reader knows. */
const typeMask = 0x3fff;
const nestedFlag = 0x8000;

/** Length with what fills up to the next attribute. */
export function alignedBytes(byteCount: number): number {
  return (byteCount + 3) & ~3;
}

/** Makes an attribute of content as it is. */
export function encodeAttribute(type: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(alignedBytes(headerBytes + content.length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, headerBytes + content.length, true);
  view.setUint16(2, type, true);
  bytes.set(content, headerBytes);
  return bytes;
}

/** Makes an attribute that consists of attributes. */
export function encodeNested(type: number, attributes: readonly Uint8Array[]): Uint8Array {
  return encodeAttribute(type | nestedFlag, Buffer.concat(attributes));
}

/** Makes an attribute of 32 bits. */
export function encodeU32(type: number, value: number): Uint8Array {
  const content = new Uint8Array(4);
  new DataView(content.buffer).setUint32(0, value, true);
  return encodeAttribute(type, content);
}

/** Makes an attribute of 64 bits. */
export function encodeU64(type: number, value: bigint): Uint8Array {
  const content = new Uint8Array(8);
  new DataView(content.buffer).setBigUint64(0, value, true);
  return encodeAttribute(type, content);
}

/** Makes an attribute of text, which ends with a zero byte. */
export function encodeText(type: number, text: string): Uint8Array {
  return encodeAttribute(type, Buffer.from(`${text}\0`));
}

/**
 * Returns attributes one after the other.
 *
 * @throws DamagedMessage where one is shorter than its header, or longer than what is left.
 */
export function decodeAttributes(bytes: Uint8Array): readonly Attribute[] {
  const attributes: Attribute[] = [];
  for (let offset = 0; offset + headerBytes <= bytes.length; ) {
    const reader = new ByteReader(bytes.subarray(offset), 'attribute');
    const byteCount = reader.u16(0);
    const type = reader.u16(2) & typeMask;
    if (byteCount < headerBytes || offset + byteCount > bytes.length) {
      throw new DamagedMessage(`attribute ${type} has ${byteCount} bytes, and ${bytes.length - offset} are left`);
    }
    attributes.push({ type, content: bytes.subarray(offset + headerBytes, offset + byteCount) });
    offset += alignedBytes(byteCount);
  }
  return attributes;
}

/** Returns the content of the first attribute of a type. */
export function contentOf(attributes: readonly Attribute[], type: number): Uint8Array | undefined {
  return attributes.find((attribute) => attribute.type === type)?.content;
}

/** Returns text without the zero byte at its end. */
export function textOf(content: Uint8Array): string {
  const end = content.indexOf(0);
  return Buffer.from(end < 0 ? content : content.subarray(0, end)).toString();
}
