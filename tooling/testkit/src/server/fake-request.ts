/** A request that has arrived at a fake server, with the ways of answering it. */
import type { ExportFacts, HeaderMode } from '@nbdjs/interfaces';
import {
  ChunkFlag,
  type ChunkFrame,
  Command,
  CommandFlag,
  type Cookie,
  decodeBlockStatusPayload,
  encodeBlockStatusChunk,
  encodeDataChunkHeader,
  encodeErrorChunk,
  encodeHoleChunk,
  encodeNoneChunk,
  encodeSimpleReply,
  encodeText,
  type WireExtent,
} from '@nbdjs/protocol';

/** The export of which a request asks. */
export interface ServedExport {
  readonly content: Uint8Array;
  readonly facts: ExportFacts;
  /** Extents of a metadata context from an offset on. */
  readonly extents: (name: string, offset: bigint, length: bigint) => readonly WireExtent[];
  /** A copy of a range; zeroes behind the content. */
  bytes(offset: bigint, length: number): Uint8Array;
}

/** The connection that a request came on. */
export interface RequestConnection {
  readonly server: ServedExport;
  /** Sends bytes of any kind. */
  send(...pieces: readonly Uint8Array[]): void;
  /** Ends the connection, as a crash does or, with an error, as a reset does. */
  hangUp(cause?: Error): void;
}

/** A part of a read's answer; offsets count from the start of the export. */
export interface ReadPiece {
  readonly type: 'data' | 'hole';
  readonly offset: bigint;
  readonly length: number;
}

export class FakeRequest {
  readonly connection: RequestConnection;
  readonly command: number;
  readonly flags: number;
  readonly cookie: Cookie;
  readonly offset: bigint;
  /** As the header says; `payload` may be shorter or longer. */
  readonly length: bigint;
  readonly payload: Uint8Array;

  constructor(
    connection: RequestConnection,
    command: number,
    flags: number,
    cookie: Cookie,
    offset: bigint,
    length: bigint,
    payload: Uint8Array,
  ) {
    this.connection = connection;
    this.command = command;
    this.flags = flags;
    this.cookie = cookie;
    this.offset = offset;
    this.length = length;
    this.payload = payload;
  }

  /** The common fields of a chunk of the reply. */
  frame(flags: number = ChunkFlag.Done): ChunkFrame {
    const { cookie } = this;
    return this.#mode === 'extended' ? { cookie, flags, requestOffset: this.offset } : { cookie, flags };
  }

  /** Carries the request out and answers in the simplest form. */
  answer(): void {
    if (this.command === Command.Read) this.answerRead();
    else if (this.command === Command.BlockStatus) this.answerBlockStatus();
    else {
      this.carryOut();
      this.acknowledge();
    }
  }

  /** Changes the content; sends no answer. */
  carryOut(): void {
    const { content } = this.connection.server;
    if (this.offset >= BigInt(content.length)) return;
    const offset = Number(this.offset);
    if (this.command === Command.Write) content.set(this.payload.subarray(0, content.length - offset), offset);
    else if (this.command === Command.WriteZeroes) content.fill(0, offset, offset + Number(this.length));
  }

  /** Reports success, without a payload. */
  acknowledge(): void {
    const { connection } = this;
    if (this.#mode === 'extended') connection.send(encodeNoneChunk(this.frame()));
    else connection.send(encodeSimpleReply(this.cookie, 0));
  }

  /** Ends a structured reply, without a payload. */
  acknowledgeChunk(): void {
    this.connection.send(encodeNoneChunk(this.frame()));
  }

  /** Sends the bytes asked for, in one piece or in these. */
  answerRead(pieces?: readonly ReadPiece[]): void {
    const { connection } = this;
    const { server } = connection;
    if (this.#mode === 'simple') {
      connection.send(encodeSimpleReply(this.cookie, 0), server.bytes(this.offset, Number(this.length)));
      return;
    }
    const all = pieces ?? [{ type: 'data' as const, offset: this.offset, length: Number(this.length) }];
    all.forEach((piece, index) => {
      this.sendPiece(piece, index === all.length - 1);
    });
  }

  /** Sends one chunk of a read's answer. */
  sendPiece({ type, offset, length }: ReadPiece, isLast: boolean): void {
    const { connection } = this;
    const frame = this.frame(isLast ? ChunkFlag.Done : 0);
    if (type === 'hole') connection.send(encodeHoleChunk(frame, offset, length));
    else connection.send(encodeDataChunkHeader(frame, offset, length), connection.server.bytes(offset, length));
  }

  /** Sends one chunk for each context that the client has selected. */
  answerBlockStatus(): void {
    const { server } = this.connection;
    const filter = (this.flags & CommandFlag.PayloadLen) === 0 ? undefined : decodeBlockStatusPayload(this.payload);
    const length = filter?.effectLength ?? this.length;
    const contexts = server.facts.contexts.filter(({ id }) => filter?.contextIds.includes(id) ?? true);
    contexts.forEach(({ id, name }, index) => {
      const extents = server.extents(name, this.offset, length);
      const frame = this.frame(index === contexts.length - 1 ? ChunkFlag.Done : 0);
      this.connection.send(encodeBlockStatusChunk(frame, id, extents));
    });
  }

  /** Reports failure with an error number of the protocol, in the form of reply that was negotiated. */
  fail(error: number, text = ''): void {
    const { connection } = this;
    if (this.#mode === 'simple') connection.send(encodeSimpleReply(this.cookie, error));
    else connection.send(encodeErrorChunk(this.frame(), error, encodeText(text, 'text')));
  }

  get #mode(): HeaderMode {
    return this.connection.server.facts.mode;
  }
}
