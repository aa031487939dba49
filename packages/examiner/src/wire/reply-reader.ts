/** Reads replies of all three forms, and holds each to what the specification says about its form alone. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { ChunkFlag, ChunkType, chunkErrorBit, chunkTypes, HeaderBytes, TransmissionMagic } from '@nbdjs/protocol';
import { Fault } from '../examination/outcomes.ts';
import type { Wire } from './wire.ts';

/** A chunk of a reply. */
export interface Chunk {
  readonly cookie: bigint;
  readonly type: number;
  readonly flags: number;
  /** Of error chunks, else 0. */
  readonly error: number;
  /** With extended headers. */
  readonly requestOffset: bigint | undefined;
  readonly content: Uint8Array;
}

/** A simple reply, with the bytes that follow it. */
export interface SimpleReply {
  readonly type: 'simple';
  readonly cookie: bigint;
  readonly error: number;
  readonly content: Uint8Array;
}

/** More than any reply that is asked for here. */
const contentBytesMax = 64 * 2 ** 20 + 64;

const textBytesMax = 4096;

/** The forms of replies that are allowed in a mode, by magic. */
const magics: Readonly<Record<HeaderMode, readonly number[]>> = {
  simple: [TransmissionMagic.SimpleReply],
  structured: [TransmissionMagic.SimpleReply, TransmissionMagic.StructuredReply],
  extended: [TransmissionMagic.SimpleReply, TransmissionMagic.ExtendedReply],
};

/** Reads the replies of one connection. */
export class ReplyReader {
  readonly #wire: Wire;
  readonly #mode: HeaderMode;

  constructor(wire: Wire, mode: HeaderMode) {
    this.#wire = wire;
    this.#mode = mode;
  }

  /** Resolves to the next message. `simpleBytes` returns how many bytes follow a simple reply without an error. */
  async next(simpleBytes: (cookie: bigint) => number): Promise<Chunk | SimpleReply> {
    const start = await this.#wire.take(HeaderBytes.SimpleReply, 'a reply');
    const view = viewOf(start);
    const magic = view.getUint32(0);
    if (!magics[this.#mode].includes(magic)) {
      const message = `a reply begins with 0x${magic.toString(16).padStart(8, '0')}, which is no reply in ${this.#mode} mode`;
      throw new Fault(message, { level: 'MUST', rule: this.#mode === 'extended' ? 'S70' : 'S38' });
    }
    const cookie = view.getBigUint64(8);
    if (magic === TransmissionMagic.SimpleReply) {
      const error = view.getUint32(4);
      const byteCount = error === 0 && this.#mode === 'simple' ? simpleBytes(cookie) : 0;
      const content = await this.#wire.take(byteCount, `the ${byteCount} bytes that were read`);
      return { type: 'simple', cookie, error, content };
    }
    return await this.#chunk(start, cookie, magic === TransmissionMagic.ExtendedReply);
  }

  async #chunk(start: Uint8Array, cookie: bigint, isExtended: boolean): Promise<Chunk> {
    const restBytes = (isExtended ? HeaderBytes.ExtendedReply : HeaderBytes.StructuredReply) - start.length;
    const rest = viewOf(await this.#wire.take(restBytes, 'the rest of the header of a chunk'));
    const requestOffset = isExtended ? rest.getBigUint64(0) : undefined;
    const length = isExtended ? Number(rest.getBigUint64(8)) : rest.getUint32(0);
    const [flags, type] = [viewOf(start).getUint16(4), viewOf(start).getUint16(6)];
    if (length > contentBytesMax) {
      throw new Fault(`a chunk ${chunkTypes.name(type)} announces ${length} bytes`, { level: 'MUST' });
    }
    const content = await this.#wire.take(length, `the ${length} bytes of a chunk ${chunkTypes.name(type)}`);
    const fault = faultOfChunk(type, flags, content, isExtended);
    if (fault !== undefined) throw fault;
    const isError = (type & chunkErrorBit) !== 0;
    return { cookie, type, flags, error: isError ? viewOf(content).getUint32(0) : 0, requestOffset, content };
  }
}

/** Returns what is wrong with a chunk by itself. */
function faultOfChunk(type: number, flags: number, content: Uint8Array, isExtended: boolean): Fault | undefined {
  const name = chunkTypes.name(type);
  const must = (message: string, rule: string) => new Fault(`${name}: ${message}`, { level: 'MUST', rule });
  const { length } = content;
  switch (type) {
    case ChunkType.None:
      if (length !== 0) return must(`${length} bytes, expected none`, 'S40');
      return (flags & ChunkFlag.Done) === 0 ? must('without DONE', 'S40') : undefined;
    case ChunkType.OffsetData:
      return length < 9 ? must(`${length} bytes, expected 9 at least`, 'S41') : undefined;
    case ChunkType.OffsetHole:
      if (length !== 12) return must(`${length} bytes, expected 12`, 'S41');
      return viewOf(content).getUint32(8) === 0 ? must('a hole of no bytes', 'S41') : undefined;
    case ChunkType.BlockStatus:
      if (isExtended) return must('this type has no place in extended mode', 'S71');
      return length < 12 || length % 8 !== 4 ? must(`${length} bytes, expected 4 + 8 n`, 'S62') : undefined;
    case ChunkType.BlockStatusExt: {
      if (!isExtended) return must('this type belongs to extended mode only', 'S71');
      if (length < 24 || length % 16 !== 8) return must(`${length} bytes, expected 8 + 16 n`, 'S71');
      const count = viewOf(content).getUint32(4);
      return count === (length - 8) / 16 ? undefined : must(`the number of extents is ${count}`, 'S71');
    }
    case ChunkType.Error:
    case ChunkType.ErrorOffset: {
      const fixedBytes = type === ChunkType.Error ? 6 : 14;
      if (length < fixedBytes) return must(`${length} bytes, expected ${fixedBytes} at least`, 'S45');
      const [error, textBytes] = [viewOf(content).getUint32(0), viewOf(content).getUint16(4)];
      if (error === 0) return must('the error number is 0', 'S45');
      if (textBytes > length - fixedBytes) return must(`a text of ${textBytes} bytes in ${length}`, 'S45');
      return textBytes > textBytesMax ? must(`a text of ${textBytes} bytes`, 'S45') : undefined;
    }
    default:
      if ((type & chunkErrorBit) === 0) return must('a chunk of this type was not agreed on', 'S38');
      return length < 6 ? must(`${length} bytes, expected 6 at least`, 'S45') : undefined;
  }
}

/** A view of bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
