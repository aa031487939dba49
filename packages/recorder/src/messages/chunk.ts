/** Chunks of structured and extended replies, read. */
import {
  ChunkFlag,
  ChunkType,
  chunkErrorBit,
  chunkTypes,
  HeaderBytes,
  printableBytes,
  TransmissionMagic,
} from '@nbdjs/protocol';
import { errorName, type MessageFields, viewOf } from './fields.ts';
import type { MessageExtent } from './message.ts';

type Content = Omit<MessageFields, 'name'>;

export function readChunk(wire: Uint8Array): MessageFields {
  const view = viewOf(wire);
  const isExtended = view.getUint32(0) === TransmissionMagic.ExtendedReply;
  const headerBytes = isExtended ? HeaderBytes.ExtendedReply : HeaderBytes.StructuredReply;
  const length = isExtended ? Number(view.getBigUint64(24)) : view.getUint32(16);
  const type = view.getUint16(6);
  const content = wire.subarray(headerBytes);
  return {
    name: chunkTypes.name(type),
    cookie: view.getBigUint64(8),
    done: (view.getUint16(4) & ChunkFlag.Done) !== 0,
    ...readContent(type, content, length, isExtended),
  };
}

function readContent(type: number, content: Uint8Array, length: number, isExtended: boolean): Content {
  const view = viewOf(content);
  switch (type) {
    case ChunkType.None:
      return length === 0 ? {} : wrongLength(length, 0);
    case ChunkType.OffsetData:
      return content.length < 8 ? wrongLength(length, 9) : { offset: view.getBigUint64(0) };
    case ChunkType.OffsetHole:
      if (content.length !== 12) return wrongLength(length, 12);
      return { offset: view.getBigUint64(0), length: BigInt(view.getUint32(8)) };
    case ChunkType.BlockStatus:
    case ChunkType.BlockStatusExt:
      return readExtents(view, length, type === ChunkType.BlockStatusExt, isExtended);
    default:
      if ((type & chunkErrorBit) !== 0) return readError(content, length, type === ChunkType.ErrorOffset);
      return { note: `has ${length} bytes of content that are not understood` };
  }
}

function readExtents(view: DataView, length: number, isWide: boolean, isExtended: boolean): Content {
  const [fixedBytes, extentBytes] = isWide ? [8, 16] : [4, 8];
  if (view.byteLength < fixedBytes) return wrongLength(length, fixedBytes + extentBytes);
  const extents: MessageExtent[] = [];
  for (let at = fixedBytes; at + extentBytes <= view.byteLength; at += extentBytes) {
    extents.push(
      isWide
        ? { length: view.getBigUint64(at), status: view.getBigUint64(at + 8) }
        : { length: BigInt(view.getUint32(at)), status: BigInt(view.getUint32(at + 4)) },
    );
  }
  const count = (length - fixedBytes) / extentBytes;
  const notes = [
    count === extents.length ? undefined : `${extents.length} of ${Math.floor(count)} extents are shown`,
    isWide === isExtended ? undefined : 'its type does not fit the header',
  ].filter((one) => one !== undefined);
  return { contextId: view.getUint32(0), extents, ...(notes.length > 0 ? { note: notes.join('; ') } : {}) };
}

function readError(content: Uint8Array, length: number, hasOffset: boolean): Content {
  const view = viewOf(content);
  if (content.length < 6) return wrongLength(length, hasOffset ? 14 : 6);
  const textEnd = 6 + view.getUint16(4);
  const text = printableBytes(content.subarray(6, textEnd));
  const isWhole = textEnd + (hasOffset ? 8 : 0) <= content.length;
  return {
    error: errorName(view.getUint32(0)),
    ...(hasOffset && isWhole ? { offset: view.getBigUint64(textEnd) } : {}),
    ...(text === '' ? {} : { text }),
    ...(isWhole ? {} : { note: 'its text is longer than the chunk' }),
  };
}

function wrongLength(length: number, expected: number): Content {
  return { note: `has ${length} bytes of content, expected ${expected}` };
}
