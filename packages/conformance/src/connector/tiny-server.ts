/** The smallest NBD server that a handshake succeeds with; in transmission it only sends back what it gets. */
import { createServer, type Server, type Socket } from 'node:net';
import {
  decodeOptionHeader,
  encodeAckReply,
  encodeErrorReply,
  encodeExportNameReply,
  encodeGreeting,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeServerReply,
  HandshakeFlag,
  Malformed,
  Option,
  OptionReply,
  optionHeaderBytes,
  parseOptionRequest,
  TransmissionFlag,
} from '@nbdjs/protocol';
import { listenAt, type SocketAddress } from './socket-address.ts';

/** How the server misbehaves, for tests. */
export interface TinyServerOptions {
  /** Names of the exports. @default [''] */
  readonly exports?: readonly string[] | undefined;
  /** Accepts connections and never sends a byte. @default false */
  readonly silent?: boolean | undefined;
  /** Hangs up when it has sent so many bytes of the handshake. @default never */
  readonly hangUpAfterBytes?: number | undefined;
  /** Hangs up when one of these options comes. @default none */
  readonly hangUpAt?: readonly number[] | undefined;
  /** Does not know these options and does not read their data: it takes the data for the next option, and hangs up. @default none */
  readonly losesPlaceAt?: readonly number[] | undefined;
  /** Never answers these options. @default none */
  readonly silentAt?: readonly number[] | undefined;
  /** Bytes sent in one piece with the last message of the handshake, without a request for them. @default none */
  readonly excess?: Uint8Array | undefined;
  /** In transmission: sends so many bytes, as fast as they are taken, for each byte that comes. @default echo */
  readonly floodBytes?: number | undefined;
  /** Closes each connection this long after its handshake, in milliseconds. @default never */
  readonly hangUpAfterMs?: number | undefined;
}

/** Where the server listens. */
export type TinyServerAddress = SocketAddress;

/** Size of each export, in bytes. */
export const tinyServerExportBytes = 1n << 20n;

/** A server that completes handshakes, and misbehaves as its options say. */
export class TinyServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #options: TinyServerOptions;
  /** Connections that were ever accepted. */
  acceptedCount = 0;
  /** Options that were ever received, by number, in order. */
  readonly options: number[] = [];

  constructor(options: TinyServerOptions = {}) {
    this.#options = options;
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Connections that are open. */
  get openCount(): number {
    return this.#sockets.size;
  }

  /** From the next connection on. */
  configure(options: TinyServerOptions): void {
    this.#options = options;
  }

  /** Listens; port 0 means any free port; the returned address has the real one. */
  listen(address: TinyServerAddress): Promise<TinyServerAddress> {
    return listenAt(this.#server, address);
  }

  /** Closes every connection, as a crash would. */
  dropAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Closes the server and all its connections. Settles when they are gone. */
  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.dropAll();
    });
  }

  #accept(socket: Socket): void {
    this.acceptedCount++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    new Session(socket, this.#options, this.options);
  }
}

const floodPiece = Buffer.alloc(256 * 1024, 0x5a);

class Session {
  readonly #socket: Socket;
  readonly #options: TinyServerOptions;
  readonly #log: number[];
  #input: Buffer = Buffer.alloc(0);
  #sentBytes = 0;
  #hasFlags = false;
  #isTransmitting = false;

  constructor(socket: Socket, options: TinyServerOptions, log: number[]) {
    this.#socket = socket;
    this.#options = options;
    this.#log = log;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    if (options.silent) return;
    const handshakeFlags = HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes;
    this.#send(encodeGreeting({ style: 'newstyle', handshakeFlags }));
  }

  #receive(chunk: Buffer): void {
    if (this.#isTransmitting) {
      if (this.#options.floodBytes === undefined) this.#echo(chunk);
      else this.#flood(chunk.length * this.#options.floodBytes);
      return;
    }
    if (this.#options.silent) return;
    this.#input = Buffer.concat([this.#input, chunk]);
    if (!this.#hasFlags) {
      if (this.#input.length < 4) return;
      this.#hasFlags = true;
      this.#input = this.#input.subarray(4);
    }
    while (!this.#isTransmitting && this.#takeOption()) {}
  }

  /** With back-pressure. */
  #echo(chunk: Buffer): void {
    if (this.#socket.write(chunk)) return;
    this.#socket.pause();
    this.#socket.once('drain', () => this.#socket.resume());
  }

  #flood(byteCount: number): void {
    const piece = floodPiece.subarray(0, byteCount);
    if (piece.length === 0 || this.#socket.destroyed) return;
    if (this.#socket.write(piece)) setImmediate(() => this.#flood(byteCount - piece.length));
    else this.#socket.once('drain', () => this.#flood(byteCount - piece.length));
  }

  #takeOption(): boolean {
    if (this.#input.length < optionHeaderBytes) return false;
    const { hangUpAt = [], losesPlaceAt = [], silentAt = [] } = this.#options;
    const header = decodeOptionHeader(this.#input.subarray(0, optionHeaderBytes));
    if (header instanceof Malformed) {
      if (losesPlaceAt.length === 0) throw new Error('the client sent a malformed option');
      this.#socket.destroy();
      return false;
    }
    if (losesPlaceAt.includes(header.option)) {
      this.#log.push(header.option);
      this.#input = this.#input.subarray(optionHeaderBytes);
      this.#send(encodeErrorReply(header.option, OptionReply.ErrUnsupported));
      return true;
    }
    const end = optionHeaderBytes + header.length;
    if (this.#input.length < end) return false;
    const payload = this.#input.subarray(optionHeaderBytes, end);
    this.#input = this.#input.subarray(end);
    this.#log.push(header.option);
    if (hangUpAt.includes(header.option)) this.#socket.destroy();
    else if (!silentAt.includes(header.option)) this.#answer(header.option, payload);
    return !this.#socket.destroyed;
  }

  #answer(option: number, payload: Uint8Array): void {
    const request = parseOptionRequest(option, payload);
    const names = this.#options.exports ?? [''];
    if (request === undefined || request instanceof Malformed) {
      this.#send(encodeErrorReply(option, OptionReply.ErrUnsupported));
      return;
    }
    switch (request.option) {
      case Option.Abort:
        this.#send(encodeAckReply(option));
        this.#socket.end();
        break;
      case Option.StructuredReply:
        this.#send(encodeAckReply(option));
        break;
      case Option.ExportName:
        if (names.includes(request.exportName)) this.#openByName();
        else this.#socket.destroy();
        break;
      case Option.List:
        for (const name of names) this.#send(encodeServerReply({ name, description: '' }));
        this.#send(encodeAckReply(option));
        break;
      case Option.ListMetaContext:
      case Option.SetMetaContext:
        this.#send(encodeMetaContextReply(request.option, { id: 1, name: 'base:allocation' }), encodeAckReply(option));
        break;
      case Option.Info:
      case Option.Go:
        if (names.includes(request.exportName)) this.#open(request.option);
        else this.#send(encodeErrorReply(option, OptionReply.ErrUnknown, 'no such export here'));
        break;
      default:
        this.#send(encodeErrorReply(option, OptionReply.ErrUnsupported));
    }
  }

  #openByName(): void {
    this.#isTransmitting = true;
    const transmissionFlags = TransmissionFlag.HasFlags | TransmissionFlag.SendFlush;
    this.#send(encodeExportNameReply({ size: tinyServerExportBytes, transmissionFlags }, true));
  }

  #open(option: typeof Option.Info | typeof Option.Go): void {
    const transmissionFlags = TransmissionFlag.HasFlags | TransmissionFlag.SendFlush;
    const facts = encodeInfoReply(option, { kind: 'export', size: tinyServerExportBytes, transmissionFlags });
    if (option === Option.Info) {
      this.#send(facts, encodeAckReply(option));
      return;
    }
    this.#isTransmitting = true;
    this.#send(facts, encodeAckReply(option), this.#options.excess ?? new Uint8Array(0));
    const { hangUpAfterMs } = this.#options;
    if (hangUpAfterMs !== undefined) setTimeout(() => this.#socket.destroy(), hangUpAfterMs).unref();
  }

  /** Sends in one piece, up to the byte where the connection has to end. */
  #send(...pieces: readonly Uint8Array[]): void {
    const { hangUpAfterBytes = Number.POSITIVE_INFINITY } = this.#options;
    const bytes = Buffer.concat(pieces);
    const left = hangUpAfterBytes - this.#sentBytes;
    this.#sentBytes += bytes.length;
    if (bytes.length < left) this.#socket.write(bytes);
    else this.#socket.end(bytes.subarray(0, Math.max(left, 0)));
  }
}
