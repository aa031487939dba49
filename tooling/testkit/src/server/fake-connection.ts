/** One connection of a fake server: decodes requests, sends what the test gives it, and breaks where the test says. */
import { Command, RequestDecoder, type RequestHandler, type RequestHeader } from '@nbdjs/protocol';
import { ScriptedChannel, type ScriptedChannelOptions } from '../scripted-channel.ts';
import { FakeRequest, type RequestConnection, type ServedExport } from './fake-request.ts';

/** How requests are answered. */
export type RequestBehaviour = (request: FakeRequest) => void;

/** The server that a connection belongs to. */
export interface ConnectionOwner extends ServedExport {
  readonly requests: FakeRequest[];
  readonly onRequest: RequestBehaviour | undefined;
  readonly options: ScriptedChannelOptions;
}

export class FakeConnection implements RequestHandler, RequestConnection {
  readonly server: ConnectionOwner;
  readonly channel: ScriptedChannel;
  /** Whether the client has sent `NBD_CMD_DISC`. */
  hasDisconnected = false;
  /** Whether the client has ended its direction, or the whole connection. */
  hasEnded = false;
  /** Bytes that came behind `NBD_CMD_DISC`. */
  bytesBehindDisconnect = 0;
  /** Hangs up when it has sent this many bytes more. */
  bytesUntilDeath = Number.POSITIVE_INFINITY;
  /** Hangs up when it has taken this many bytes more. */
  bytesUntilDeaf = Number.POSITIVE_INFINITY;
  /** Whether it ends its direction as soon as the client does. */
  endsPolitely = true;
  readonly #decoder: RequestDecoder;
  #incoming: FakeRequest | undefined;

  constructor(server: ConnectionOwner) {
    this.server = server;
    this.#decoder = new RequestDecoder(this, {
      extended: server.facts.mode === 'extended',
      payloadBytesMax: 64 * 1024 * 1024,
    });
    const peer = { received: (bytes: Uint8Array) => this.#receive(bytes), ended: () => this.#noteEnd() };
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

  /** Called by the decoder: a header has come. Returns memory for the payload. */
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
    if (payloadBytes === 0) this.#serve(request);
    else this.#incoming = request;
    return request.payload;
  }

  /** Called by the decoder: the payload of the last request is complete. */
  payload(): void {
    const request = this.#incoming;
    this.#incoming = undefined;
    if (request !== undefined) this.#serve(request);
  }

  #serve(request: FakeRequest): void {
    if (request.command === Command.Disconnect) this.hasDisconnected = true;
    else if (this.server.onRequest === undefined) request.answer();
    else this.server.onRequest(request);
  }

  #receive(all: Uint8Array): void {
    const bytes = all.subarray(0, Math.min(all.length, this.bytesUntilDeaf));
    this.bytesUntilDeaf -= bytes.length;
    this.#decode(bytes);
    if (this.bytesUntilDeaf <= 0) this.hangUp();
  }

  #decode(bytes: Uint8Array): void {
    if (this.hasDisconnected) this.bytesBehindDisconnect += bytes.length;
    for (let position = 0; position < bytes.length; ) {
      const target = this.#decoder.writable();
      const byteCount = Math.min(target.length, bytes.length - position);
      target.set(bytes.subarray(position, position + byteCount));
      position += byteCount;
      this.#decoder.advance(byteCount);
    }
  }

  #noteEnd(): void {
    this.hasEnded = true;
    if (this.endsPolitely) this.channel.endByPeer();
  }
}

function wide(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
