/** A request of a client, and the replies that an honest server would make of it, in pieces that scenarios rearrange. */
import type { HeaderMode } from '@nbdjs/interfaces';
import { concatenate, isZero } from '@nbdjs/kit';
import {
  ChunkFlag,
  type ChunkFrame,
  Command,
  CommandFlag,
  encodeBlockStatusChunk,
  encodeDataChunkHeader,
  encodeErrorChunk,
  encodeHoleChunk,
  encodeNoneChunk,
  encodeSimpleReply,
} from '@nbdjs/protocol';

/** The fields of a request. */
export interface RequestFields {
  readonly command: number;
  readonly flags: number;
  readonly cookie: bigint;
  readonly offset: bigint;
  readonly length: bigint;
  readonly payload: Uint8Array;
}

/** Data are cut at these borders, so that a reply has several chunks. */
const pieceBytes = 64 * 1024;

/** A request with what it reads. */
export class ServedRequest {
  readonly fields: RequestFields;
  readonly mode: HeaderMode;
  /** The bytes of a READ; empty for other commands. */
  readonly data: Uint8Array;
  /** How many reads came on the same connection before. */
  readonly readsBefore: number;

  constructor(fields: RequestFields, mode: HeaderMode, data: Uint8Array, readsBefore: number) {
    this.fields = fields;
    this.mode = mode;
    this.data = data;
    this.readsBefore = readsBefore;
  }

  get isRead(): boolean {
    return this.fields.command === Command.Read;
  }

  /** Whether the client has asked for one chunk. */
  get isWhole(): boolean {
    return (this.fields.flags & CommandFlag.Df) !== 0;
  }

  /** What a chunk of this reply begins with. */
  frame(isLast: boolean, cookie = this.fields.cookie): ChunkFrame {
    return {
      cookie: { high: Number(cookie >> 32n), low: Number(cookie & 0xffff_ffffn) },
      flags: isLast ? ChunkFlag.Done : 0,
      ...(this.mode === 'extended' ? { requestOffset: this.fields.offset } : {}),
    };
  }

  /** The reply of no payload: an error, or success. */
  plain(error: number, cookie = this.fields.cookie): Uint8Array {
    const frame = this.frame(true, cookie);
    if (this.mode === 'simple' || (this.mode === 'structured' && !this.isRead)) {
      return encodeSimpleReply(frame.cookie, error);
    }
    if (error === 0) return encodeNoneChunk(frame);
    return encodeErrorChunk(frame, error, new TextEncoder().encode('as the scenario has it'));
  }

  /** A chunk of data of the read, in bytes from its start. */
  dataChunk(start: number, end: number, isLast = false): Uint8Array {
    const bytes = this.data.subarray(start, end);
    const header = encodeDataChunkHeader(this.frame(isLast), this.fields.offset + BigInt(start), bytes.length);
    return concatenate([header, bytes]);
  }

  /** The chunks of the read without the last one, which ends the reply: data and holes, in order. */
  contentChunks(size = pieceBytes): readonly Uint8Array[] {
    const step = this.isWhole ? Math.max(1, this.data.length) : size;
    const chunks: Uint8Array[] = [];
    for (let start = 0; start < this.data.length; start += step) {
      const end = Math.min(start + step, this.data.length);
      const isHole = !this.isWhole && isZero(this.data.subarray(start, end));
      const offset = this.fields.offset + BigInt(start);
      chunks.push(isHole ? encodeHoleChunk(this.frame(false), offset, end - start) : this.dataChunk(start, end));
    }
    return chunks;
  }

  /** The whole reply of the read. */
  read(size?: number): readonly Uint8Array[] {
    const { cookie } = this.frame(true);
    if (this.mode === 'simple') return [encodeSimpleReply(cookie, 0), this.data];
    return [...this.contentChunks(size), encodeNoneChunk(this.frame(true))];
  }

  /** The whole reply of a block status, with extents of the given lengths and states for one context. */
  status(id: number, extents: readonly { readonly length: bigint; readonly status: bigint }[]): Uint8Array {
    return encodeBlockStatusChunk(this.frame(true), id, extents);
  }
}
