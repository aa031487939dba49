/** Requests as a server reads them: fed with the stream, it reports each request and never holds a payload. */
import { ProtocolError } from '@nbdjs/interfaces';
import { Command, CommandFlag } from '../constants/constants.ts';
import { HeaderBytes, TransmissionMagic } from '../constants/magic.ts';
import { IntakePace } from './intake-pace.ts';
import { ReceiveBuffer } from './receive-buffer.ts';

/**
 * Returned by a handler that has no memory for a payload yet: `resumePayload` will name it. Until then nothing more is decoded,
 * and nothing more should be received.
 */
export const deferPayload = Symbol('deferPayload');

/** The fields of a request's header, as plain numbers: those of 64 bits come as two halves of 32 bits. */
export interface RequestHeader {
  /** `Command` */
  readonly type: number;
  /** `CommandFlag`s */
  readonly flags: number;
  /** The cookie of the request, upper half. */
  readonly cookieHigh: number;
  /** The cookie of the request, lower half. */
  readonly cookieLow: number;
  /** Where the request's range begins, in bytes, upper half. */
  readonly offsetHigh: number;
  /** Where the request's range begins, in bytes, lower half. */
  readonly offsetLow: number;
  /** In bytes, upper half; 0 without extended headers. */
  readonly lengthHigh: number;
  /** In bytes, lower half. */
  readonly lengthLow: number;
}

/** Receives the requests in the order of the wire, and names the memory for their payloads. */
export interface RequestHandler {
  /**
   * A request's header has arrived. The decoder uses one object for all headers: copy what has to last longer than this call.
   * When `payloadBytes` is not 0, a payload follows. Returns where it must land (memory of exactly that length),
   * `undefined` to discard it, or `deferPayload`. The decoder checks the length, and no other field.
   */
  request(header: RequestHeader, payloadBytes: number): Uint8Array | undefined | typeof deferPayload;
  /** The payload of the request that was announced last has arrived, or was discarded. */
  payload(): void;
}

/** What the handshake agreed on, and the server's bound. */
export interface RequestDecoderOptions {
  /** Whether extended headers were agreed on: all requests then have 32 bytes (C63). */
  readonly extended: boolean;
  /** A longer payload ends the connection. In bytes. */
  readonly payloadBytesMax: number;
}

const stagingBytes = 64 * 1024;
/** Enough for a client with few requests in flight. */
const firstStagingBytes = 8 * 1024;

/** The one object that all headers are read into. */
class HeaderFields implements RequestHeader {
  type = 0;
  flags = 0;
  cookieHigh = 0;
  cookieLow = 0;
  offsetHigh = 0;
  offsetLow = 0;
  lengthHigh = 0;
  lengthLow = 0;
}

/**
 * Decodes the client's stream: ask `writable` for memory, let bytes land there, and call `advance`. Each request is reported to
 * the `RequestHandler` within that call.
 */
export class RequestDecoder {
  readonly #buffer: ReceiveBuffer;
  readonly #pace = new IntakePace(stagingBytes);
  readonly #header = new HeaderFields();
  readonly #handler: RequestHandler;
  readonly #options: RequestDecoderOptions;
  readonly #headerBytes: number;
  readonly #magic: number;
  #isInPayload = false;
  /** Length of the payload that was deferred; 0 when none is awaited. */
  #awaitedBytes = 0;

  constructor(handler: RequestHandler, options: RequestDecoderOptions) {
    this.#handler = handler;
    this.#options = options;
    this.#headerBytes = options.extended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request;
    this.#buffer = new ReceiveBuffer(stagingBytes, this.#headerBytes, firstStagingBytes);
    this.#magic = options.extended ? TransmissionMagic.ExtendedRequest : TransmissionMagic.Request;
  }

  /** Whether everything so far was consumed. Only here may a client end the stream without an error. */
  get isBetweenRequests(): boolean {
    return !this.#isInPayload && this.#awaitedBytes === 0 && this.#buffer.available === 0;
  }

  /** Where the next bytes must land: never empty, and never more of a target than the rest of its payload. */
  writable(): Uint8Array {
    return this.#buffer.writable(this.#headerBytes, this.#pace.bytes);
  }

  /**
   * `byteCount` bytes have landed in the memory that `writable` named.
   *
   * @throws ProtocolError when the stream is not a sequence of requests. Call nothing afterwards.
   */
  advance(byteCount: number): void {
    const { stagingNamed } = this.#buffer;
    if (stagingNamed > 0) this.#pace.note(byteCount, stagingNamed);
    this.#buffer.landed(byteCount);
    this.#decode();
  }

  /**
   * Names the memory of a payload that was deferred, and goes on with what has arrived meanwhile.
   *
   * @throws ProtocolError as `advance`.
   */
  resumePayload(target: Uint8Array | undefined): void {
    this.#expectPayload(target, this.#awaitedBytes);
    this.#awaitedBytes = 0;
    this.#decode();
  }

  #decode(): void {
    while (this.#awaitedBytes === 0 && (this.#isInPayload ? this.#takePayload() : this.#takeHeader()));
  }

  #takePayload(): boolean {
    if (!this.#buffer.takePayload()) return false;
    this.#isInPayload = false;
    this.#handler.payload();
    return true;
  }

  #takeHeader(): boolean {
    const buffer = this.#buffer;
    const { view, head, available } = buffer;
    if (available < 4) return false;
    const magic = view.getUint32(head);
    if (magic !== this.#magic) throw this.#badMagic(magic);
    if (available < this.#headerBytes) return false;
    const { extended, payloadBytesMax } = this.#options;
    const flags = view.getUint16(head + 4);
    const type = view.getUint16(head + 6);
    const lengthHigh = extended ? view.getUint32(head + 24) : 0;
    const lengthLow = view.getUint32(head + this.#headerBytes - 4);
    // With extended headers the flag says that there is a payload; some clients leave it out on writes.
    const hasPayload = type === Command.Write || (extended && (flags & CommandFlag.PayloadLen) !== 0);
    const payloadBytes = hasPayload ? lengthHigh * 2 ** 32 + lengthLow : 0;
    if (payloadBytes > payloadBytesMax) {
      const message = `a request has ${payloadBytes} bytes of payload, at most ${payloadBytesMax} are taken`;
      const excerpt = buffer.bytes.subarray(head, head + this.#headerBytes);
      throw new ProtocolError('payload-too-long', message, { phase: 'transmission', rule: 'S72', excerpt });
    }
    buffer.head = head + this.#headerBytes;
    const header = this.#header;
    header.type = type;
    header.flags = flags;
    header.cookieHigh = view.getUint32(head + 8);
    header.cookieLow = view.getUint32(head + 12);
    header.offsetHigh = view.getUint32(head + 16);
    header.offsetLow = view.getUint32(head + 20);
    header.lengthHigh = lengthHigh;
    header.lengthLow = lengthLow;
    const target = this.#handler.request(header, payloadBytes);
    if (payloadBytes === 0) buffer.expectSmallThings();
    else if (target === deferPayload) this.#awaitedBytes = payloadBytes;
    else this.#expectPayload(target, payloadBytes);
    return true;
  }

  #expectPayload(target: Uint8Array | undefined, payloadBytes: number): void {
    this.#buffer.expectPayload(target, payloadBytes, true);
    this.#isInPayload = true;
  }

  #badMagic(magic: number): ProtocolError {
    const message = `a request begins with 0x${magic.toString(16).padStart(8, '0')}, expected 0x${this.#magic.toString(16)}`;
    return new ProtocolError('bad-request-magic', message, {
      phase: 'transmission',
      rule: 'C63',
      excerpt: this.#buffer.excerpt,
    });
  }
}
