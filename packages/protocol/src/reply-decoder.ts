/**
 * Replies as a client reads them: a push machine that takes apart all replies found in one delivery in one pass, and never
 * holds a payload. Every 64-bit field reaches the handler as two 32-bit halves; nothing is allocated per reply.
 */
import { limits, ProtocolError } from '@nbdjs/interfaces';
import { ChunkFlag, ChunkType, chunkErrorBit, chunkTypes } from './constants.ts';
import { HeaderBytes, TransmissionMagic } from './magic.ts';
import { Staging } from './staging.ts';

/** Learns what the replies say. Whatever it throws ends the decoding for good. */
export interface ReplyHandler {
  /** A simple reply. The answer is where the payload that follows must land, all of it; nothing when none follows. */
  simpleReply(cookieHigh: number, cookieLow: number, error: number): Uint8Array | undefined;
  /** The payload of a simple reply is complete. */
  simplePayload(): void;
  /** A chunk begins; the calls up to `chunkEnd` belong to it. With compact headers the offset is 0. */
  chunk(cookieHigh: number, cookieLow: number, type: number, offsetHigh: number, offsetLow: number): void;
  /** The chunk has `length` bytes of data. The answer is where they must land, or nothing to have them discarded. */
  data(offsetHigh: number, offsetLow: number, length: number): Uint8Array | undefined;
  hole(offsetHigh: number, offsetLow: number, length: number): void;
  /** The chunk has `count` extents of a context; each comes by `extent`. */
  blockStatus(contextId: number, count: number): void;
  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void;
  /** `text` is the server's, raw and borrowed. */
  error(error: number, text: Uint8Array): void;
  /** The chunk is complete; `isDone` when it was the reply's last. */
  chunkEnd(isDone: boolean): void;
}

export interface ReplyDecoderOptions {
  readonly mode: 'simple' | 'structured' | 'extended';
}

const stagingBytes = 256 * 1024;
/** From this many missing bytes on, a payload lands in its target directly. */
const directBytesMin = 32 * 1024;
/** After a payload that long, only a header's worth is read ahead, so that the next one lands directly too. */
const shortReadBytes = 512;

/** What the bytes at the front of the staging memory are. */
const Step = {
  Header: 0,
  Data: 1,
  Hole: 2,
  Status: 3,
  Extents: 4,
  Error: 5,
  ErrorText: 6,
  Payload: 7,
  Skip: 8,
} as const;

export class ReplyDecoder {
  /** How many bytes have arrived. */
  receivedBytes = 0;
  readonly #staging = new Staging(stagingBytes);
  readonly #handler: ReplyHandler;
  readonly #mode: ReplyDecoderOptions['mode'];
  #step: (typeof Step)[keyof typeof Step] = Step.Header;
  /** Bytes of the chunk's content that have not been consumed. */
  #chunkLeft = 0;
  #chunkType = 0;
  #isDone = false;
  #isSimple = false;
  #target: Uint8Array | undefined;
  #position = 0;
  #mayBeDirect = true;
  #isDirect = false;
  #errorNumber = 0;
  #textBytes = 0;
  #readAheadBytes = stagingBytes;

  constructor(handler: ReplyHandler, options: ReplyDecoderOptions) {
    this.#handler = handler;
    this.#mode = options.mode;
  }

  /** Whether everything so far was consumed: the only place where a peer may end in order. */
  get isBetweenReplies(): boolean {
    return this.#step === Step.Header && this.#staging.available === 0;
  }

  /**
   * Lets go of the memory that the payload under way lands in; its rest is discarded. With `writesDirectly(false)` in
   * force for that payload, nothing will be written there any more.
   */
  discardPayload(target: Uint8Array): void {
    if (this.#target?.buffer === target.buffer && this.#step === Step.Payload) this.#target = undefined;
  }

  /** Asked by the handler from within `data` or `simpleReply`: keep the payload out of the kernel's reach. */
  stagePayload(): void {
    this.#mayBeDirect = false;
  }

  /** Where the next bytes must land. */
  writable(): Uint8Array {
    const staging = this.#staging;
    const target = this.#target;
    this.#isDirect =
      this.#step === Step.Payload &&
      target !== undefined &&
      this.#mayBeDirect &&
      this.#chunkLeft >= directBytesMin &&
      staging.head === staging.tail;
    if (this.#isDirect && target !== undefined) return target.subarray(this.#position);
    return staging.room(HeaderBytes.ExtendedReply + 8, this.#readAheadBytes);
  }

  /** @throws ProtocolError, or what the handler throws. */
  advance(byteCount: number): void {
    this.receivedBytes += byteCount;
    if (this.#isDirect) {
      this.#position += byteCount;
      this.#chunkLeft -= byteCount;
      if (this.#chunkLeft === 0) this.#endPayload();
      return;
    }
    this.#staging.tail += byteCount;
    while (this.#take());
  }

  /** Consumes one part; `false` when the staging memory does not hold one. */
  #take(): boolean {
    switch (this.#step) {
      case Step.Header:
        return this.#takeHeader();
      case Step.Payload:
        return this.#takePayload();
      case Step.Data:
        return this.#takeData();
      case Step.Hole:
        return this.#takeHole();
      case Step.Status:
        return this.#takeStatus();
      case Step.Extents:
        return this.#takeExtents();
      case Step.Error:
        return this.#takeError();
      case Step.ErrorText:
        return this.#takeErrorText();
      case Step.Skip:
        return this.#skip();
    }
  }

  #takeHeader(): boolean {
    const staging = this.#staging;
    const { view, head } = staging;
    const available = staging.tail - head;
    if (available < 4) return false;
    const magic = view.getUint32(head);
    if (magic === TransmissionMagic.StructuredReply && this.#mode === 'structured') {
      if (available < HeaderBytes.StructuredReply) return false;
      staging.head = head + HeaderBytes.StructuredReply;
      this.#startChunk(head, view.getUint32(head + 16), 0, 0);
      return true;
    }
    if (magic === TransmissionMagic.ExtendedReply && this.#mode === 'extended') {
      if (available < HeaderBytes.ExtendedReply) return false;
      staging.head = head + HeaderBytes.ExtendedReply;
      const length = view.getUint32(head + 24) * 2 ** 32 + view.getUint32(head + 28);
      this.#startChunk(head, length, view.getUint32(head + 16), view.getUint32(head + 20));
      return true;
    }
    if (magic === TransmissionMagic.SimpleReply && this.#mode !== 'extended') {
      if (available < HeaderBytes.SimpleReply) return false;
      staging.head = head + HeaderBytes.SimpleReply;
      this.#startSimple(head);
      return true;
    }
    throw this.#badMagic(magic);
  }

  #startSimple(head: number): void {
    const { view } = this.#staging;
    this.#mayBeDirect = true;
    const target = this.#handler.simpleReply(
      view.getUint32(head + 8),
      view.getUint32(head + 12),
      view.getUint32(head + 4),
    );
    if (target === undefined) return;
    this.#isSimple = true;
    this.#expectPayload(target, target.length);
  }

  #startChunk(head: number, length: number, offsetHigh: number, offsetLow: number): void {
    const { view } = this.#staging;
    const type = view.getUint16(head + 6);
    this.#chunkType = type;
    this.#isDone = (view.getUint16(head + 4) & ChunkFlag.Done) !== 0;
    this.#chunkLeft = length;
    if (length > limits.payloadBytesMax + 8) throw this.#violation('chunk-too-long', `has ${length} bytes`, 'C69');
    this.#handler.chunk(view.getUint32(head + 8), view.getUint32(head + 12), type, offsetHigh, offsetLow);
    switch (type) {
      case ChunkType.OffsetData:
        if (length < 9) throw this.#violation('bad-chunk-length', `has ${length} bytes, at least 9 are needed`, 'C51');
        this.#step = Step.Data;
        return;
      case ChunkType.None:
        if (length !== 0) throw this.#violation('bad-chunk-length', `has ${length} bytes instead of none`, 'C51');
        if (!this.#isDone) throw this.#violation('none-without-done', 'does not end its reply', 'C51');
        this.#endChunk();
        return;
      case ChunkType.OffsetHole:
        if (length !== 12) throw this.#violation('bad-chunk-length', `has ${length} bytes instead of 12`, 'C51');
        this.#step = Step.Hole;
        return;
      case ChunkType.BlockStatus:
      case ChunkType.BlockStatusExt:
        this.#startStatus(type, length);
        return;
      default:
        if ((type & chunkErrorBit) === 0) throw this.#violation('unknown-chunk', 'is of an unknown type', 'C51');
        if (length < (type === ChunkType.ErrorOffset ? 14 : 6)) {
          throw this.#violation('bad-chunk-length', `has only ${length} bytes`, 'C52');
        }
        this.#step = Step.Error;
    }
  }

  #startStatus(type: number, length: number): void {
    const isExtended = type === ChunkType.BlockStatusExt;
    if (isExtended !== (this.#mode === 'extended'))
      throw this.#violation('unfit-chunk', 'does not fit the headers in use', 'C72');
    const [fixedBytes, extentBytes] = isExtended ? [8, 16] : [4, 8];
    const count = (length - fixedBytes) / extentBytes;
    if (!Number.isInteger(count) || count < 1) throw this.#violation('bad-chunk-length', `has ${length} bytes`, 'C51');
    if (count > limits.replyExtentsMax) throw this.#violation('too-many-extents', `has ${count} extents`, 'C69');
    this.#readAheadBytes = stagingBytes;
    this.#step = Step.Status;
  }

  #takeData(): boolean {
    const staging = this.#staging;
    const { head, view } = staging;
    if (staging.tail - head < 8) return false;
    staging.head = head + 8;
    this.#mayBeDirect = true;
    const length = this.#chunkLeft - 8;
    this.#expectPayload(this.#handler.data(view.getUint32(head), view.getUint32(head + 4), length), length);
    return true;
  }

  #expectPayload(target: Uint8Array | undefined, length: number): void {
    this.#target = target;
    this.#position = 0;
    this.#chunkLeft = length;
    this.#readAheadBytes = length >= directBytesMin ? shortReadBytes : stagingBytes;
    this.#step = Step.Payload;
    if (length === 0) this.#endPayload();
  }

  #takePayload(): boolean {
    const staging = this.#staging;
    const { head } = staging;
    const byteCount = Math.min(this.#chunkLeft, staging.tail - head);
    if (byteCount === 0) return false;
    this.#target?.set(staging.bytes.subarray(head, head + byteCount), this.#position);
    staging.head = head + byteCount;
    this.#position += byteCount;
    this.#chunkLeft -= byteCount;
    if (this.#chunkLeft === 0) this.#endPayload();
    return true;
  }

  #endPayload(): void {
    this.#target = undefined;
    this.#isDirect = false;
    if (!this.#isSimple) {
      this.#endChunk();
      return;
    }
    this.#isSimple = false;
    this.#step = Step.Header;
    this.#handler.simplePayload();
  }

  #endChunk(): void {
    this.#step = Step.Header;
    this.#handler.chunkEnd(this.#isDone);
  }

  #takeHole(): boolean {
    const staging = this.#staging;
    const { head, view } = staging;
    if (staging.tail - head < 12) return false;
    staging.head = head + 12;
    const length = view.getUint32(head + 8);
    if (length === 0) throw this.#violation('empty-hole', 'describes a hole of no bytes', 'C51');
    this.#handler.hole(view.getUint32(head), view.getUint32(head + 4), length);
    this.#endChunk();
    return true;
  }

  #takeStatus(): boolean {
    const staging = this.#staging;
    const { head, view } = staging;
    const isExtended = this.#chunkType === ChunkType.BlockStatusExt;
    const fixedBytes = isExtended ? 8 : 4;
    if (staging.tail - head < fixedBytes) return false;
    staging.head = head + fixedBytes;
    this.#chunkLeft -= fixedBytes;
    const count = this.#chunkLeft / (isExtended ? 16 : 8);
    if (isExtended && view.getUint32(head + 4) !== count) {
      throw this.#violation(
        'extent-count',
        `announces ${view.getUint32(head + 4)} extents and has room for ${count}`,
        'C72',
      );
    }
    this.#handler.blockStatus(view.getUint32(head), count);
    this.#step = Step.Extents;
    return true;
  }

  #takeExtents(): boolean {
    const staging = this.#staging;
    const { view } = staging;
    const isExtended = this.#chunkType === ChunkType.BlockStatusExt;
    const extentBytes = isExtended ? 16 : 8;
    while (this.#chunkLeft > 0) {
      const { head } = staging;
      if (staging.tail - head < extentBytes) return false;
      staging.head = head + extentBytes;
      this.#chunkLeft -= extentBytes;
      if (isExtended) {
        const statusHigh = view.getUint32(head + 8);
        this.#handler.extent(view.getUint32(head), view.getUint32(head + 4), statusHigh, view.getUint32(head + 12));
      } else {
        this.#handler.extent(0, view.getUint32(head), 0, view.getUint32(head + 4));
      }
    }
    this.#endChunk();
    return true;
  }

  #takeError(): boolean {
    const staging = this.#staging;
    const { head, view } = staging;
    if (staging.tail - head < 6) return false;
    staging.head = head + 6;
    this.#chunkLeft -= 6;
    this.#errorNumber = view.getUint32(head);
    this.#textBytes = view.getUint16(head + 4);
    if (this.#errorNumber === 0) throw this.#violation('error-zero', 'is an error without a number', 'C51');
    const room = this.#chunkLeft - (this.#chunkType === ChunkType.ErrorOffset ? 8 : 0);
    if (this.#textBytes > room) {
      throw this.#violation(
        'error-text-length',
        `announces ${this.#textBytes} bytes of text and has room for ${room}`,
        'C52',
      );
    }
    this.#step = Step.ErrorText;
    return true;
  }

  #takeErrorText(): boolean {
    const staging = this.#staging;
    const { head } = staging;
    if (staging.tail - head < this.#textBytes) return false;
    staging.head = head + this.#textBytes;
    this.#chunkLeft -= this.#textBytes;
    this.#handler.error(this.#errorNumber, staging.bytes.subarray(head, head + this.#textBytes));
    // What is left is the place of an `ERROR_OFFSET`, or unknown to us.
    this.#step = Step.Skip;
    return true;
  }

  #skip(): boolean {
    const staging = this.#staging;
    const byteCount = Math.min(this.#chunkLeft, staging.available);
    staging.head += byteCount;
    this.#chunkLeft -= byteCount;
    if (this.#chunkLeft > 0) return false;
    this.#endChunk();
    return true;
  }

  #badMagic(magic: number): ProtocolError {
    const known = Object.entries(TransmissionMagic).find(([, number]) => number === magic)?.[0];
    const what = known === undefined ? `0x${magic.toString(16).padStart(8, '0')}` : `the magic of ${known}`;
    return new ProtocolError(
      'bad-reply-magic',
      `a reply begins with ${what}, which does not fit ${this.#mode} replies`,
      {
        phase: 'transmission',
        rule: known === undefined ? 'G4' : 'C63',
        excerpt: this.#staging.bytes.subarray(this.#staging.head, this.#staging.tail),
      },
    );
  }

  #violation(violation: string, what: string, rule: string): ProtocolError {
    return new ProtocolError(violation, `a reply chunk (${chunkTypes.name(this.#chunkType)}) ${what}`, {
      phase: 'transmission',
      rule,
    });
  }
}
