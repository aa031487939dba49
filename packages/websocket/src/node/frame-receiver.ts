/** The receiving half of a WebSocket: from bytes to the payload of its binary messages, and to its control frames (RFC 6455, section 5). */
import type { ByteSink } from '@nbdjs/interfaces';
import { closeCode } from '../channel/close-code.ts';
import { controlBytesMax, decodeHeader, type FrameHeader, opcode } from './frame-header.ts';
import { applyMask, isZeroMask } from './mask.ts';

/** Who gets what has come. */
export interface FrameReceiverEvents {
  /** Returns memory of the sink for payload, if payload can go there at once. */
  directTarget(): Uint8Array | undefined;
  /** Payload has landed at the start of that memory. */
  landed(byteCount: number): void;
  /** Payload has come in memory that is used again after the call. */
  arrived(bytes: Uint8Array): void;
  /** Some bytes have come: the peer lives. */
  heard(): void;
  /** A Ping, a Pong or a Close, with its payload. */
  control(code: number, payload: Uint8Array): void;
  /** The peer breaks a rule. `code`: what the Close has to say. */
  violated(code: number, reason: string): void;
  /** See `ByteSink`. */
  drained(): void;
  /** See `ByteSink`. */
  ended(cause?: Error): void;
}

/** Headers, short frames and control frames come here first. */
const stagingBytes = 64 * 1024;

/** So much of a payload has to be missing, and so much memory of the sink has to be there, for bytes to go there at once. */
const directBytesMin = 4096;

/** After a frame of this length, the next one is taken for a long one, too: no more than its beginning comes to our own memory. */
const longBytesMin = 64 * 1024;
const beginningBytes = 1024;

export interface FrameReceiverSettings {
  /** Clients mask what they send; servers do not. */
  readonly expectsMask: boolean;
  /** Bytes of one message, with all its fragments. */
  readonly messageBytesMax: number;
}

export class FrameReceiver implements ByteSink {
  readonly #events: FrameReceiverEvents;
  readonly #settings: FrameReceiverSettings;
  readonly #staging = new Uint8Array(stagingBytes);
  #stagedBytes = 0;
  /** The memory of the sink that was named last; `undefined`: it was our own. */
  #direct: Uint8Array | undefined;
  /** Payload of the data frame that is under way. */
  #missingBytes = 0;
  /** Payload of the last data frame. */
  #frameBytes = 0;
  readonly #mask = new Uint8Array(4);
  #isMasked = false;
  /** Payload of that frame before the next byte. */
  #phase = 0;
  /** A message of several frames is under way. */
  #isFragmented = false;
  #messageBytes = 0;
  /** No more frames are understood: the peer has closed, or has broken a rule. */
  #isOver = false;

  constructor(events: FrameReceiverEvents, settings: FrameReceiverSettings) {
    this.#events = events;
    this.#settings = settings;
  }

  /** From now on, whatever comes is dropped. */
  stop(): void {
    this.#isOver = true;
  }

  writable(): Uint8Array {
    this.#direct = undefined;
    if (this.#missingBytes >= directBytesMin && !this.#isOver) {
      const target = this.#events.directTarget();
      if (target !== undefined && target.length >= directBytesMin) {
        this.#direct = target.length > this.#missingBytes ? target.subarray(0, this.#missingBytes) : target;
        return this.#direct;
      }
    }
    if (this.#isOver) return this.#staging;
    const end = this.#frameBytes >= longBytesMin ? this.#stagedBytes + beginningBytes : undefined;
    return this.#staging.subarray(this.#stagedBytes, end);
  }

  advance(byteCount: number): void {
    this.#events.heard();
    if (this.#isOver) return;
    if (this.#direct === undefined) {
      this.#stagedBytes += byteCount;
      this.#parse();
      return;
    }
    const bytes = this.#direct.subarray(0, byteCount);
    this.#direct = undefined;
    this.#unmask(bytes);
    this.#events.landed(byteCount);
  }

  drained(): void {
    this.#events.drained();
  }

  ended(cause?: Error): void {
    this.#events.ended(cause);
  }

  #parse(): void {
    let position = 0;
    while (!this.#isOver) {
      const rest = this.#staging.subarray(position, this.#stagedBytes);
      const takenBytes = this.#missingBytes > 0 ? this.#takePayload(rest) : this.#takeHeader(rest);
      if (takenBytes === 0) break;
      position += takenBytes;
    }
    this.#staging.copyWithin(0, position, this.#stagedBytes);
    this.#stagedBytes -= position;
  }

  #takePayload(rest: Uint8Array): number {
    const bytes = rest.length > this.#missingBytes ? rest.subarray(0, this.#missingBytes) : rest;
    if (bytes.length === 0) return 0;
    this.#unmask(bytes);
    this.#events.arrived(bytes);
    return bytes.length;
  }

  /** Takes the mask off bytes that belong to the data frame, and counts them. */
  #unmask(bytes: Uint8Array): void {
    if (this.#isMasked) applyMask(bytes, this.#mask, this.#phase);
    this.#phase = (this.#phase + bytes.length) & 3;
    this.#missingBytes -= bytes.length;
  }

  /** Takes the header of a data frame, or a whole control frame. Returns how many bytes that were; 0: it has not come yet. */
  #takeHeader(rest: Uint8Array): number {
    const header = decodeHeader(rest);
    if (header === undefined) return 0;
    const [code, reason] = this.#faultOf(header) ?? [];
    if (code !== undefined) {
      this.#isOver = true;
      this.#events.violated(code, reason ?? '');
      return 0;
    }
    const { length, headerBytes, maskAt, isMasked, fin } = header;
    const mask = rest.subarray(maskAt, maskAt + 4);
    if (header.opcode >= opcode.close) {
      if (rest.length < headerBytes + length) return 0;
      const payload = rest.slice(headerBytes, headerBytes + length);
      if (isMasked) applyMask(payload, mask, 0);
      if (header.opcode === opcode.close) this.#isOver = true;
      this.#events.control(header.opcode, payload);
      return headerBytes + length;
    }
    this.#isMasked = isMasked && !isZeroMask(mask);
    if (this.#isMasked) this.#mask.set(mask);
    this.#phase = 0;
    this.#missingBytes = length;
    this.#frameBytes = length;
    this.#messageBytes = fin ? 0 : this.#messageBytes + length;
    this.#isFragmented = !fin;
    return headerBytes;
  }

  /** Returns what is wrong with a frame: the code for the Close, and words. */
  #faultOf({ opcode: code, isMasked, length, fin, hasExtension }: FrameHeader): [number, string] | undefined {
    const { expectsMask, messageBytesMax } = this.#settings;
    if (hasExtension) return [closeCode.protocolError, 'it uses an extension that was not agreed on'];
    if (isMasked !== expectsMask) {
      return [closeCode.protocolError, expectsMask ? 'a frame is not masked' : 'a frame is masked'];
    }
    if (code >= opcode.close) {
      if (code > opcode.pong) return [closeCode.protocolError, `a frame has the unknown opcode ${code}`];
      const isShort = fin && length <= controlBytesMax;
      return isShort ? undefined : [closeCode.protocolError, 'a control frame is too long, or in fragments'];
    }
    if (code === opcode.text) return [closeCode.unsupportedData, 'only binary messages are accepted'];
    if (code > opcode.binary) return [closeCode.protocolError, `a frame has the unknown opcode ${code}`];
    if ((code === opcode.continuation) !== this.#isFragmented) {
      return [closeCode.protocolError, 'the fragments of a message are out of order'];
    }
    const isTooLong = this.#messageBytes + length > messageBytesMax;
    return isTooLong ? [closeCode.tooLong, `a message is longer than ${messageBytesMax} bytes`] : undefined;
  }
}
