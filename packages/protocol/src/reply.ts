/**
 * Replies on the wire, as a server makes them ("Simple reply message", "Structured reply chunk message" and "Extended reply
 * chunk message" of the specification). A header comes with the fixed part of its chunk; data goes behind it.
 */
import { ChunkType } from './constants.ts';
import { HeaderBytes, TransmissionMagic } from './magic.ts';

/** A cookie as two halves, as it stood in the request. */
export interface Cookie {
  readonly high: number;
  readonly low: number;
}

/** What a chunk's header is made of. */
export interface ChunkFrame {
  readonly cookie: Cookie;
  /** `ChunkFlag` */
  readonly flags: number;
  /** Extended headers, and with them the offset of the request; absent in structured replies. */
  readonly requestOffset?: bigint | undefined;
}

/** A simple reply; a successful read's bytes follow it. */
export function encodeSimpleReply(cookie: Cookie, error: number): Uint8Array {
  const bytes = new Uint8Array(HeaderBytes.SimpleReply);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, TransmissionMagic.SimpleReply);
  view.setUint32(4, error);
  view.setUint32(8, cookie.high);
  view.setUint32(12, cookie.low);
  return bytes;
}

/** A chunk of any type with its whole content, which may be nonsense: tests need that. */
export function encodeChunk(frame: ChunkFrame, type: number, content: Uint8Array, length = content.length): Uint8Array {
  const { bytes, position } = startChunk(frame, type, content.length, length);
  bytes.set(content, position);
  return bytes;
}

/** The end of a reply without anything to say. */
export function encodeNoneChunk(frame: ChunkFrame): Uint8Array {
  return startChunk(frame, ChunkType.None, 0, 0).bytes;
}

/** The header of a chunk with data; `dataBytes` bytes of data follow it. */
export function encodeDataChunkHeader(frame: ChunkFrame, offset: bigint, dataBytes: number): Uint8Array {
  const { bytes, view, position } = startChunk(frame, ChunkType.OffsetData, 8, 8 + dataBytes);
  view.setBigUint64(position, offset);
  return bytes;
}

/** A stretch of zeroes in a read. */
export function encodeHoleChunk(frame: ChunkFrame, offset: bigint, holeBytes: number): Uint8Array {
  const { bytes, view, position } = startChunk(frame, ChunkType.OffsetHole, 12, 12);
  view.setBigUint64(position, offset);
  view.setUint32(position + 8, holeBytes);
  return bytes;
}

/** An extent as it stands on the wire. */
export interface WireExtent {
  readonly length: bigint;
  readonly status: bigint;
}

/** The extents of one context: 32 bits each in structured replies, 64 in extended ones. */
export function encodeBlockStatusChunk(
  frame: ChunkFrame,
  contextId: number,
  extents: readonly WireExtent[],
): Uint8Array {
  const isExtended = frame.requestOffset !== undefined;
  const length = isExtended ? 8 + 16 * extents.length : 4 + 8 * extents.length;
  const type = isExtended ? ChunkType.BlockStatusExt : ChunkType.BlockStatus;
  const { bytes, view, position } = startChunk(frame, type, length, length);
  view.setUint32(position, contextId);
  if (isExtended) {
    view.setUint32(position + 4, extents.length);
    extents.forEach((extent, index) => {
      view.setBigUint64(position + 8 + 16 * index, extent.length);
      view.setBigUint64(position + 16 + 16 * index, extent.status);
    });
  } else {
    extents.forEach((extent, index) => {
      view.setUint32(position + 4 + 8 * index, Number(extent.length));
      view.setUint32(position + 8 + 8 * index, Number(extent.status));
    });
  }
  return bytes;
}

/** A failure, with a text for the user; with `offset`, a failure at that place. */
export function encodeErrorChunk(frame: ChunkFrame, error: number, text: Uint8Array, offset?: bigint): Uint8Array {
  const type = offset === undefined ? ChunkType.Error : ChunkType.ErrorOffset;
  const length = 6 + text.length + (offset === undefined ? 0 : 8);
  const { bytes, view, position } = startChunk(frame, type, length, length);
  view.setUint32(position, error);
  view.setUint16(position + 4, text.length);
  bytes.set(text, position + 6);
  if (offset !== undefined) view.setBigUint64(position + 6 + text.length, offset);
  return bytes;
}

function startChunk(
  { cookie, flags, requestOffset }: ChunkFrame,
  type: number,
  contentBytes: number,
  length: number,
): { bytes: Uint8Array; view: DataView; position: number } {
  const isExtended = requestOffset !== undefined;
  const position = isExtended ? HeaderBytes.ExtendedReply : HeaderBytes.StructuredReply;
  const bytes = new Uint8Array(position + contentBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, isExtended ? TransmissionMagic.ExtendedReply : TransmissionMagic.StructuredReply);
  view.setUint16(4, flags);
  view.setUint16(6, type);
  view.setUint32(8, cookie.high);
  view.setUint32(12, cookie.low);
  if (isExtended) {
    view.setBigUint64(16, requestOffset);
    view.setBigUint64(24, BigInt(length));
  } else {
    view.setUint32(16, length);
  }
  return { bytes, view, position };
}
