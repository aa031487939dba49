/**
 * An NBD server in its transmission phase, over memory, that does whatever a test wants: answer out of order, in pieces, with
 * errors, not at all, or with nonsense.
 */
import type { Established, ExportFacts, HeaderMode } from '@nbdjs/interfaces';
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
  RequestDecoder,
  type RequestHandler,
  type RequestHeader,
  TransmissionFlag,
  type WireExtent,
} from '@nbdjs/protocol';
import { FakeConnector } from './fake-connector.ts';
import { ScriptedChannel, type ScriptedChannelOptions } from './scripted-channel.ts';

export interface FakeServerOptions extends ScriptedChannelOptions {
  /** @default 'structured' */
  readonly mode?: HeaderMode | undefined;
  /** Bytes of the export; what lies behind them reads as zeroes. @default 256 KiB that differ from place to place */
  readonly content?: Uint8Array | undefined;
  /** What the handshake settled otherwise than usual. */
  readonly facts?: Partial<ExportFacts> | undefined;
  /** Gets each request instead of having it answered at once. */
  readonly onRequest?: ((request: FakeRequest) => void) | undefined;
  /** Sent with the last word of the handshake. */
  readonly excess?: Uint8Array | undefined;
}

/** Everything that a server can offer. */
export const allTransmissionFlags =
  TransmissionFlag.HasFlags |
  TransmissionFlag.SendFlush |
  TransmissionFlag.SendFua |
  TransmissionFlag.SendTrim |
  TransmissionFlag.SendWriteZeroes |
  TransmissionFlag.SendDf |
  TransmissionFlag.SendCache |
  TransmissionFlag.SendFastZero |
  TransmissionFlag.BlockStatusPayload;

/** Bytes of which no two neighbouring KiB are alike. */
export function patternBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = index ^ (index >> 8) ^ (index >> 13);
  return bytes;
}

const usualContent = patternBytes(256 * 1024);

export class FakeServer {
  readonly content: Uint8Array;
  readonly connector: FakeConnector;
  readonly connections: FakeConnection[] = [];
  /** Every request that ever arrived, on any connection. */
  readonly requests: FakeRequest[] = [];
  facts: ExportFacts;
  onRequest: ((request: FakeRequest) => void) | undefined;
  /** Extents of a context from an offset on; one of no holes unless told otherwise. */
  extents: (name: string, offset: bigint, length: bigint) => readonly WireExtent[] = (_name, _offset, length) => [
    { length, status: 0n },
  ];
  readonly options: FakeServerOptions;

  constructor(options: FakeServerOptions = {}) {
    this.options = options;
    this.content = options.content ?? usualContent.slice();
    this.onRequest = options.onRequest;
    const mode = options.mode ?? 'structured';
    this.facts = {
      style: 'newstyle-fixed',
      mode,
      tls: false,
      exportName: '',
      size: BigInt(this.content.length),
      transmissionFlags: allTransmissionFlags,
      contexts: mode === 'simple' ? [] : [{ name: 'base:allocation', id: 7 }],
      ...options.facts,
    };
    this.connector = new FakeConnector(() => this.connect());
  }

  /** The connection made last. */
  get connection(): FakeConnection {
    const connection = this.connections.at(-1);
    if (connection === undefined) throw new Error('nobody has connected');
    return connection;
  }

  /** A new connection; the client's end of it. */
  connect(): Established {
    const connection = new FakeConnection(this);
    this.connections.push(connection);
    return { channel: connection.channel, facts: this.facts, excess: this.options.excess ?? new Uint8Array(0) };
  }

  /** The requests of one command. */
  requestsOf(command: number): readonly FakeRequest[] {
    return this.requests.filter((request) => request.command === command);
  }

  /** A copy of a range; zeroes behind the content. */
  bytes(offset: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    if (offset < BigInt(this.content.length)) {
      bytes.set(this.content.subarray(Number(offset), Number(offset) + length));
    }
    return bytes;
  }
}

export class FakeConnection implements RequestHandler {
  readonly server: FakeServer;
  readonly channel: ScriptedChannel;
  /** The client has said good-bye. */
  hasDisconnected = false;
  /** The client has ended its direction, or vanished. */
  hasEnded = false;
  /** Bytes that came behind the good-bye. */
  bytesBehindDisconnect = 0;
  /** Sends nothing any more when so many bytes have been sent, but hangs up. */
  bytesUntilDeath = Number.POSITIVE_INFINITY;
  /** Takes nothing any more when so many bytes have come, but hangs up. */
  bytesUntilDeaf = Number.POSITIVE_INFINITY;
  /** Ends its direction as soon as the client does. */
  endsPolitely = true;
  readonly #decoder: RequestDecoder;
  #incoming: FakeRequest | undefined;

  constructor(server: FakeServer) {
    this.server = server;
    this.#decoder = new RequestDecoder(this, {
      extended: server.facts.mode === 'extended',
      payloadBytesMax: 64 * 1024 * 1024,
    });
    const peer = { received: (bytes: Uint8Array) => this.#received(bytes), ended: () => this.#ended() };
    this.channel = new ScriptedChannel(peer, server.options);
  }

  /** Sends bytes of any kind. */
  send(...pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) {
      const alive = piece.subarray(0, Math.min(piece.length, this.bytesUntilDeath));
      this.bytesUntilDeath -= alive.length;
      this.channel.deliver(alive);
    }
    if (this.bytesUntilDeath <= 0) this.hangUp();
  }

  /** Ends the connection, as a crash does or, with an error, as a reset does. */
  hangUp(cause?: Error): void {
    this.channel.endByPeer(cause);
  }

  request(header: RequestHeader, payloadBytes: number): Uint8Array {
    const { type, flags, cookieHigh, cookieLow, offsetHigh, offsetLow, lengthHigh, lengthLow } = header;
    const request = new FakeRequest(
      this,
      type,
      flags,
      { high: cookieHigh, low: cookieLow },
      wide(offsetHigh, offsetLow),
      wide(lengthHigh, lengthLow),
      new Uint8Array(payloadBytes),
    );
    this.server.requests.push(request);
    if (payloadBytes === 0) this.#arrived(request);
    else this.#incoming = request;
    return request.payload;
  }

  payload(): void {
    const request = this.#incoming;
    this.#incoming = undefined;
    if (request !== undefined) this.#arrived(request);
  }

  #arrived(request: FakeRequest): void {
    if (request.command === Command.Disconnect) this.hasDisconnected = true;
    else if (this.server.onRequest === undefined) request.answer();
    else this.server.onRequest(request);
  }

  #received(all: Uint8Array): void {
    const bytes = all.subarray(0, Math.min(all.length, this.bytesUntilDeaf));
    this.bytesUntilDeaf -= bytes.length;
    this.#take(bytes);
    if (this.bytesUntilDeaf <= 0) this.hangUp();
  }

  #take(bytes: Uint8Array): void {
    if (this.hasDisconnected) this.bytesBehindDisconnect += bytes.length;
    for (let position = 0; position < bytes.length; ) {
      const target = this.#decoder.writable();
      const byteCount = Math.min(target.length, bytes.length - position);
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      this.#decoder.advance(byteCount);
    }
  }

  #ended(): void {
    this.hasEnded = true;
    if (this.endsPolitely) this.channel.endByPeer();
  }
}

/** A part of a read's answer; offsets count from the start of the export. */
export interface ReadPiece {
  readonly type: 'data' | 'hole';
  readonly offset: bigint;
  readonly length: number;
}

export class FakeRequest {
  readonly connection: FakeConnection;
  readonly command: number;
  readonly flags: number;
  readonly cookie: Cookie;
  readonly offset: bigint;
  /** What the header says. */
  readonly length: bigint;
  readonly payload: Uint8Array;

  constructor(
    connection: FakeConnection,
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

  /** What a chunk of the reply begins with. */
  frame(flags: number = ChunkFlag.Done): ChunkFrame {
    const { cookie } = this;
    return this.#mode === 'extended' ? { cookie, flags, requestOffset: this.offset } : { cookie, flags };
  }

  /** Does what was asked for, and says so in the plainest way. */
  answer(): void {
    if (this.command === Command.Read) this.answerRead();
    else if (this.command === Command.BlockStatus) this.answerBlockStatus();
    else {
      this.carryOut();
      this.acknowledge();
    }
  }

  /** Changes the content; says nothing. */
  carryOut(): void {
    const { content } = this.connection.server;
    if (this.offset >= BigInt(content.length)) return;
    const offset = Number(this.offset);
    if (this.command === Command.Write) content.set(this.payload.subarray(0, content.length - offset), offset);
    else if (this.command === Command.WriteZeroes) content.fill(0, offset, offset + Number(this.length));
  }

  /** Success, without content. */
  acknowledge(): void {
    const { connection } = this;
    if (this.#mode === 'extended') connection.send(encodeNoneChunk(this.frame()));
    else connection.send(encodeSimpleReply(this.cookie, 0));
  }

  /** The end of a structured reply, without content. */
  acknowledgeChunk(): void {
    this.connection.send(encodeNoneChunk(this.frame()));
  }

  /** The bytes asked for, in one piece or in these. */
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

  /** One chunk of a read's answer. */
  sendPiece({ type, offset, length }: ReadPiece, isLast: boolean): void {
    const { connection } = this;
    const frame = this.frame(isLast ? ChunkFlag.Done : 0);
    if (type === 'hole') connection.send(encodeHoleChunk(frame, offset, length));
    else connection.send(encodeDataChunkHeader(frame, offset, length), connection.server.bytes(offset, length));
  }

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

  /** Failure, with a number of the wire; structured where replies are. */
  fail(error: number, text = ''): void {
    const { connection } = this;
    if (this.#mode === 'simple') connection.send(encodeSimpleReply(this.cookie, error));
    else connection.send(encodeErrorChunk(this.frame(), error, encodeText(text, 'text')));
  }

  get #mode(): HeaderMode {
    return this.connection.server.facts.mode;
  }
}

function wide(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
