/** Writes the replies of one client, in the form that was agreed on: simple, structured or extended. */
import type { HeaderMode, MemoryPiece } from '@nbdjs/interfaces';
import {
  ChunkFlag,
  type ChunkFrame,
  ChunkType,
  Command,
  encodeBlockStatusChunk,
  encodeErrorChunk,
  encodeHoleChunk,
  HeaderBytes,
  type WireExtent,
  writeExtendedChunk,
  writeSimpleReply,
  writeStructuredChunk,
} from '@nbdjs/protocol';
import { type Failure, textBytes } from './failure.ts';
import type { SendBuffer } from './send-buffer.ts';
import type { ServerRequest } from './server-request.ts';

/** The offset in front of a data chunk's bytes. */
const dataOffsetBytes = 8;

const zeroes = new Uint8Array(64 * 1024);

export class ReplyWriter {
  readonly #output: SendBuffer;
  readonly #mode: HeaderMode;

  constructor(output: SendBuffer, mode: HeaderMode) {
    this.#output = output;
    this.#mode = mode;
  }

  /** Success without data. */
  done(request: ServerRequest): void {
    // Reads are always answered by chunks, and with extended headers every request is (S38, S70).
    const isChunked = this.#mode === 'extended' || (this.#mode === 'structured' && request.type === Command.Read);
    if (!isChunked) this.#simple(request, 0);
    else this.#chunk(request, ChunkFlag.Done, ChunkType.None, 0);
  }

  fail(request: ServerRequest, { error, text }: Failure): void {
    if (this.#mode === 'simple') this.#simple(request, error);
    else this.#output.addMessage(encodeErrorChunk(this.#frame(request, ChunkFlag.Done), error, textBytes(text)));
  }

  /** All bytes of a read in one piece. `memory`, a buffer of the pool, goes back to it when the bytes have left. */
  data(request: ServerRequest, bytes: Uint8Array, memory?: Uint8Array): void {
    if (this.#mode === 'simple') this.#simple(request, 0);
    else this.#dataChunk(request, ChunkFlag.Done, request.offsetHigh, request.offsetLow, bytes.length);
    this.#output.addPayload(bytes, memory);
  }

  /** The bytes of a read in several pieces, holes among them. Neighbours of one kind share a chunk. */
  pieces(request: ServerRequest, pieces: readonly MemoryPiece[]): void {
    if (this.#mode === 'simple') {
      this.#simple(request, 0);
      for (const piece of pieces) this.#pieceInFull(piece);
      return;
    }
    const base = BigInt(request.offset);
    let position = 0;
    for (let index = 0; index < pieces.length; ) {
      const first = pieces[index] as MemoryPiece;
      const offset = base + BigInt(position);
      const isHole = !(first instanceof Uint8Array);
      let end = index;
      let byteCount = 0;
      for (let next: MemoryPiece | undefined = first; next !== undefined; next = pieces[end]) {
        if (isHole === next instanceof Uint8Array) break;
        byteCount += lengthOf(next);
        end++;
      }
      const flags = end === pieces.length ? ChunkFlag.Done : 0;
      if (isHole) {
        this.#output.addMessage(encodeHoleChunk(this.#frame(request, flags), offset, byteCount));
      } else {
        this.#dataChunk(request, flags, Number(offset >> 32n), Number(offset & 0xffff_ffffn), byteCount);
        for (const piece of pieces.slice(index, end)) this.#pieceInFull(piece);
      }
      position += byteCount;
      index = end;
    }
  }

  /** Gives a buffer back to the pool when all that was written so far has left. */
  giveBackLater(memory: Uint8Array): void {
    this.#output.giveBackLater(memory);
  }

  /** The extents of one context; the last context's are the end of the reply. */
  blockStatus(request: ServerRequest, contextId: number, extents: readonly WireExtent[], isLast: boolean): void {
    const frame = this.#frame(request, isLast ? ChunkFlag.Done : 0);
    this.#output.addMessage(encodeBlockStatusChunk(frame, contextId, extents));
  }

  #simple(request: ServerRequest, error: number): void {
    const output = this.#output;
    output.reserve(HeaderBytes.SimpleReply);
    writeSimpleReply(output.view, output.tail, error, request.cookieHigh, request.cookieLow);
    output.tail += HeaderBytes.SimpleReply;
  }

  #dataChunk(request: ServerRequest, flags: number, offsetHigh: number, offsetLow: number, byteCount: number): void {
    const output = this.#output;
    this.#chunk(request, flags, ChunkType.OffsetData, dataOffsetBytes + byteCount);
    output.reserve(dataOffsetBytes);
    output.view.setUint32(output.tail, offsetHigh);
    output.view.setUint32(output.tail + 4, offsetLow);
    output.tail += dataOffsetBytes;
  }

  #chunk(request: ServerRequest, flags: number, type: number, length: number): void {
    const output = this.#output;
    const { cookieHigh, cookieLow } = request;
    if (this.#mode === 'extended') {
      output.reserve(HeaderBytes.ExtendedReply);
      const { offsetHigh, offsetLow } = request;
      const { view, tail } = output;
      writeExtendedChunk(view, tail, flags, type, cookieHigh, cookieLow, offsetHigh, offsetLow, length);
      output.tail += HeaderBytes.ExtendedReply;
    } else {
      output.reserve(HeaderBytes.StructuredReply);
      writeStructuredChunk(output.view, output.tail, flags, type, cookieHigh, cookieLow, length);
      output.tail += HeaderBytes.StructuredReply;
    }
  }

  #frame(request: ServerRequest, flags: number): ChunkFrame {
    const requestOffset = this.#mode === 'extended' ? BigInt(request.offset) : undefined;
    return { cookie: request.cookie, flags, requestOffset };
  }

  #pieceInFull(piece: MemoryPiece): void {
    if (piece instanceof Uint8Array) {
      this.#output.addPayload(piece, undefined);
      return;
    }
    for (let rest = piece.holeBytes; rest > 0; rest -= zeroes.length) {
      this.#output.addPayload(rest < zeroes.length ? zeroes.subarray(0, rest) : zeroes, undefined);
    }
  }
}

function lengthOf(piece: MemoryPiece): number {
  return piece instanceof Uint8Array ? piece.length : piece.holeBytes;
}
