/** Requests as a server reads them: a push machine that never holds a payload. */
import { ProtocolError } from '@nbdjs/interfaces';
import { Command, CommandFlag } from './constants.ts';
import { HeaderBytes, TransmissionMagic } from './magic.ts';
import { Staging } from './staging.ts';

export interface RequestHandler {
  /**
   * A request's header has arrived. When a payload of `payloadBytes` follows, the answer is where it must land (memory of
   * exactly that length), or nothing to have it discarded.
   */
  request(
    type: number,
    flags: number,
    cookieHigh: number,
    cookieLow: number,
    offsetHigh: number,
    offsetLow: number,
    lengthHigh: number,
    lengthLow: number,
    payloadBytes: number,
  ): Uint8Array | undefined;
  /** The payload of the request that was announced last has arrived (or was discarded). */
  payload(): void;
}

export interface RequestDecoderOptions {
  readonly extended: boolean;
  /** A longer payload ends the connection. In bytes. */
  readonly payloadBytesMax: number;
}

const stagingBytes = 64 * 1024;
/** From this many missing bytes on, the payload lands in its target directly. */
const directBytesMin = 16 * 1024;

export class RequestDecoder {
  readonly #staging = new Staging(stagingBytes);
  readonly #handler: RequestHandler;
  readonly #options: RequestDecoderOptions;
  #target: Uint8Array | undefined;
  #missing = 0;
  #position = 0;
  #isDirect = false;

  constructor(handler: RequestHandler, options: RequestDecoderOptions) {
    this.#handler = handler;
    this.#options = options;
  }

  /** Whether everything so far was consumed: the only place where a peer may end in order. */
  get isBetweenRequests(): boolean {
    return this.#missing === 0 && this.#staging.available === 0;
  }

  /** Where the next bytes must land. */
  writable(): Uint8Array {
    this.#isDirect = this.#target !== undefined && this.#missing >= directBytesMin && this.#staging.available === 0;
    if (this.#isDirect && this.#target !== undefined) return this.#target.subarray(this.#position);
    return this.#staging.room(HeaderBytes.ExtendedRequest, stagingBytes);
  }

  /** @throws ProtocolError when the stream is no sequence of requests. */
  advance(byteCount: number): void {
    if (this.#isDirect) {
      this.#position += byteCount;
      this.#missing -= byteCount;
      if (this.#missing === 0) this.#finishPayload();
      return;
    }
    this.#staging.tail += byteCount;
    while (this.#missing > 0 ? this.#takePayload() : this.#takeHeader());
  }

  #takePayload(): boolean {
    const staging = this.#staging;
    const byteCount = Math.min(this.#missing, staging.available);
    if (byteCount === 0) return false;
    this.#target?.set(staging.bytes.subarray(staging.head, staging.head + byteCount), this.#position);
    staging.head += byteCount;
    this.#position += byteCount;
    this.#missing -= byteCount;
    if (this.#missing === 0) this.#finishPayload();
    return true;
  }

  #finishPayload(): void {
    this.#target = undefined;
    this.#handler.payload();
  }

  #takeHeader(): boolean {
    const { view, head, available, bytes } = this.#staging;
    const { extended, payloadBytesMax } = this.#options;
    const headerBytes = extended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request;
    if (available < 4) return false;
    const magic = view.getUint32(head);
    if (magic !== (extended ? TransmissionMagic.ExtendedRequest : TransmissionMagic.Request)) {
      throw new ProtocolError('bad-request-magic', `a request begins with 0x${magic.toString(16).padStart(8, '0')}`, {
        phase: 'transmission',
        excerpt: bytes.subarray(head, head + available),
      });
    }
    if (available < headerBytes) return false;
    const flags = view.getUint16(head + 4);
    const type = view.getUint16(head + 6);
    const lengthHigh = extended ? view.getUint32(head + 24) : 0;
    const lengthLow = view.getUint32(head + headerBytes - 4);
    // With extended headers the flag says that there is a payload; some clients leave it out on writes all the same.
    const hasPayload = type === Command.Write || (extended && (flags & CommandFlag.PayloadLen) !== 0);
    const payloadBytes = hasPayload ? lengthHigh * 2 ** 32 + lengthLow : 0;
    if (payloadBytes > payloadBytesMax) {
      throw new ProtocolError(
        'payload-too-long',
        `a request has ${payloadBytes} bytes of payload, at most ${payloadBytesMax} are taken`,
        {
          phase: 'transmission',
          rule: 'S72',
          excerpt: bytes.subarray(head, head + headerBytes),
        },
      );
    }
    this.#staging.head += headerBytes;
    this.#missing = payloadBytes;
    this.#position = 0;
    this.#target = this.#handler.request(
      type,
      flags,
      view.getUint32(head + 8),
      view.getUint32(head + 12),
      view.getUint32(head + 16),
      view.getUint32(head + 20),
      lengthHigh,
      lengthLow,
      payloadBytes,
    );
    return true;
  }
}
