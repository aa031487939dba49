/**
 * Replies on the wire, as a server makes them ("Simple reply message", "Structured reply chunk message" and "Extended reply
 * chunk message" of the specification).
 *
 * The `write` functions write headers into the caller's memory and allocate nothing; the `encode` functions return new
 * messages.
 */
import { ChunkType } from '../constants/constants.ts';
import { HeaderBytes, TransmissionMagic } from '../constants/magic.ts';

/** The cookie of the request, as two 32-bit halves. */
export interface Cookie {
  /** The first 32 bits on the wire. */
  readonly high: number;
  /** The last 32 bits on the wire. */
  readonly low: number;
}

/** The fields of a chunk's header. */
export interface ChunkFrame {
  /** That of the request. */
  readonly cookie: Cookie;
  /** `ChunkFlag` */
  readonly flags: number;
  /** Extended headers, and with them the offset of the request; absent in structured replies. */
  readonly requestOffset?: bigint | undefined;
}

/** Writes a simple reply's header, 16 bytes, at `position`. */
export function writeSimpleReply(
  view: DataView,
  position: number,
  error: number,
  cookieHigh: number,
  cookieLow: number,
): void {
  view.setUint32(position, TransmissionMagic.SimpleReply);
  view.setUint32(position + 4, error);
  view.setUint32(position + 8, cookieHigh);
  view.setUint32(position + 12, cookieLow);
}

/** Writes a structured reply chunk's header, 20 bytes, at `position`. */
export function writeStructuredChunk(
  view: DataView,
  position: number,
  flags: number,
  type: number,
  cookieHigh: number,
  cookieLow: number,
  length: number,
): void {
  view.setUint32(position, TransmissionMagic.StructuredReply);
  view.setUint16(position + 4, flags);
  view.setUint16(position + 6, type);
  view.setUint32(position + 8, cookieHigh);
  view.setUint32(position + 12, cookieLow);
  view.setUint32(position + 16, length);
}

/** Writes an extended reply chunk's header, 32 bytes, at `position`. The offset is the request's. */
export function writeExtendedChunk(
  view: DataView,
  position: number,
  flags: number,
  type: number,
  cookieHigh: number,
  cookieLow: number,
  offsetHigh: number,
  offsetLow: number,
  length: number,
): void {
  view.setUint32(position, TransmissionMagic.ExtendedReply);
  view.setUint16(position + 4, flags);
  view.setUint16(position + 6, type);
  view.setUint32(position + 8, cookieHigh);
  view.setUint32(position + 12, cookieLow);
  view.setUint32(position + 16, offsetHigh);
  view.setUint32(position + 20, offsetLow);
  view.setUint32(position + 24, Math.floor(length / 2 ** 32));
  view.setUint32(position + 28, length);
}

/** A simple reply; a successful read's bytes follow it. */
export function encodeSimpleReply(cookie: Cookie, error: number): Uint8Array {
  const bytes = new Uint8Array(HeaderBytes.SimpleReply);
  writeSimpleReply(new DataView(bytes.buffer), 0, error, cookie.high, cookie.low);
  return bytes;
}

/** A chunk of any type with any content, which may be malformed; `length` is what its header says. */
export function encodeChunk(frame: ChunkFrame, type: number, content: Uint8Array, length = content.length): Uint8Array {
  const { bytes, position } = startChunk(frame, type, content.length, length);
  bytes.set(content, position);
  return bytes;
}

/** The end of a reply without content. */
export function encodeNoneChunk(frame: ChunkFrame): Uint8Array {
  return startChunk(frame, ChunkType.None, 0).bytes;
}

/** The header of a chunk with data from `offset` of the export on; `dataBytes` bytes follow it. */
export function encodeDataChunkHeader(frame: ChunkFrame, offset: bigint, dataBytes: number): Uint8Array {
  const { bytes, view, position } = startChunk(frame, ChunkType.OffsetData, 8, 8 + dataBytes);
  view.setBigUint64(position, offset);
  return bytes;
}

/** A range of zeroes in a read. */
export function encodeHoleChunk(frame: ChunkFrame, offset: bigint, holeBytes: number): Uint8Array {
  const { bytes, view, position } = startChunk(frame, ChunkType.OffsetHole, 12);
  view.setBigUint64(position, offset);
  view.setUint32(position + 8, holeBytes);
  return bytes;
}

/** An extent as it is sent. */
export interface WireExtent {
  /** In bytes. */
  readonly length: bigint;
  /** Its meaning depends on the context; for `base:allocation`, flags. */
  readonly status: bigint;
}

/** The extents of one context: 32 bits each in structured replies, 64 in extended ones. */
export function encodeBlockStatusChunk(
  frame: ChunkFrame,
  contextId: number,
  extents: readonly WireExtent[],
): Uint8Array {
  const isExtended = frame.requestOffset !== undefined;
  const type = isExtended ? ChunkType.BlockStatusExt : ChunkType.BlockStatus;
  const contentBytes = isExtended ? 8 + 16 * extents.length : 4 + 8 * extents.length;
  const { bytes, view, position } = startChunk(frame, type, contentBytes);
  view.setUint32(position, contextId);
  if (isExtended) view.setUint32(position + 4, extents.length);
  extents.forEach(({ length, status }, index) => {
    if (isExtended) {
      view.setBigUint64(position + 8 + 16 * index, length);
      view.setBigUint64(position + 16 + 16 * index, status);
    } else {
      view.setUint32(position + 4 + 8 * index, Number(length));
      view.setUint32(position + 8 + 8 * index, Number(status));
    }
  });
  return bytes;
}

/** A failure, with a text for the user; with `offset`, a failure at that place of the export. */
export function encodeErrorChunk(frame: ChunkFrame, error: number, text: Uint8Array, offset?: bigint): Uint8Array {
  const type = offset === undefined ? ChunkType.Error : ChunkType.ErrorOffset;
  const { bytes, view, position } = startChunk(frame, type, 6 + text.length + (offset === undefined ? 0 : 8));
  view.setUint32(position, error);
  view.setUint16(position + 4, text.length);
  bytes.set(text, position + 6);
  if (offset !== undefined) view.setBigUint64(position + 6 + text.length, offset);
  return bytes;
}

/** Makes memory for a chunk and writes its header; `length` is what the header says. */
function startChunk(
  { cookie, flags, requestOffset }: ChunkFrame,
  type: number,
  contentBytes: number,
  length = contentBytes,
): { readonly bytes: Uint8Array; readonly view: DataView; readonly position: number } {
  const position = requestOffset === undefined ? HeaderBytes.StructuredReply : HeaderBytes.ExtendedReply;
  const bytes = new Uint8Array(position + contentBytes);
  const view = new DataView(bytes.buffer);
  if (requestOffset === undefined) {
    writeStructuredChunk(view, 0, flags, type, cookie.high, cookie.low, length);
  } else {
    const offsetHigh = Number(requestOffset >> 32n);
    const offsetLow = Number(requestOffset & 0xffff_ffffn);
    writeExtendedChunk(view, 0, flags, type, cookie.high, cookie.low, offsetHigh, offsetLow, length);
  }
  return { bytes, view, position };
}
