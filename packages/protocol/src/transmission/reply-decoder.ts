/** Replies as a client reads them: fed with the stream, it parses in one pass what has arrived, and never holds a payload. */
import { type HeaderMode, limits, ProtocolError } from '@nbdjs/interfaces';
import { ChunkFlag, ChunkType } from '../constants/constants.ts';
import { HeaderBytes, TransmissionMagic } from '../constants/magic.ts';
import { ChunkContent } from './chunk-content.ts';
import { ReceiveBuffer } from './receive-buffer.ts';
import type { ReplyHandler } from './reply-handler.ts';

/** Measured with 4 KiB reads: smaller memory means more reads, larger memory falls out of the processor's cache. */
const stagingBytes = 256 * 1024;

/** The longest piece that is decoded at once: an error's text with the fields around it. */
const pieceBytesMax = 2 ** 16 + 16;

/** What stands in front of the data of a read, in bytes. */
const dataHeaderBytes: Readonly<Record<HeaderMode, number>> = {
  simple: HeaderBytes.SimpleReply,
  structured: HeaderBytes.StructuredReply + 8,
  extended: HeaderBytes.ExtendedReply + 8,
};

/** Hex digits of a 32-bit number. */
const hex = (number: number): string => `0x${number.toString(16).padStart(8, '0')}`;

/** What the next bytes of the stream are. */
const Step = {
  Header: 0,
  Payload: 1,
  /** The offset in front of a chunk's data. */
  Data: 2,
  /** The content of a chunk without data. */
  Content: 3,
} as const;

/**
 * Decodes a stream of replies.
 *
 * Bytes are fed by `writable` and `advance`, as to a `ByteSink`. Of payloads of 128 KiB and more, all but what came in one piece
 * with the header lands in the memory that the handler named.
 *
 * A reply of another width than the mode's is a violation (C63, C72), although QEMU lets it pass: no server is known
 * that sends one, and a stream that breaks this rule is more likely out of sync than sent so on purpose.
 */
export class ReplyDecoder {
  readonly #buffer: ReceiveBuffer;
  readonly #handler: ReplyHandler;
  readonly #mode: HeaderMode;
  readonly #content: ChunkContent;
  #step: (typeof Step)[keyof typeof Step] = Step.Header;
  #isSimple = false;
  /** Whether the chunk under way is the last of its reply. */
  #isDone = false;
  #mayBeDirect = true;

  /** `extentsMax`: how many a block status chunk may have. */
  constructor(handler: ReplyHandler, mode: HeaderMode, extentsMax: number = limits.replyExtentsMax) {
    this.#handler = handler;
    this.#mode = mode;
    this.#buffer = new ReceiveBuffer(stagingBytes, dataHeaderBytes[mode]);
    this.#content = new ChunkContent(this.#buffer, handler, mode, extentsMax);
  }

  /** Whether everything so far was consumed. Only here may a server end the stream without an error. */
  get isBetweenReplies(): boolean {
    return this.#step === Step.Header && this.#buffer.available === 0;
  }

  /** The bytes around the place that was reached, for messages. Borrowed. */
  get excerpt(): Uint8Array {
    return this.#buffer.excerpt;
  }

  /** Called by the handler in `simpleData` or `data`: the target may be taken back by `discardPayload`. */
  keepPayloadStaged(): void {
    this.#mayBeDirect = false;
  }

  /** Writes nothing more to the target of the payload under way. The handler must have called `keepPayloadStaged` for it. */
  discardPayload(): void {
    if (this.#step === Step.Payload) this.#buffer.discardPayload();
  }

  /** Bytes of the payload under way that have not arrived; the handler is not called before they have. */
  get missing(): number {
    return this.#buffer.missing;
  }

  /**
   * Where the next bytes must land: never empty, and never more of a target than the rest of its payload. `bytesMax`, at least 1: how
   * many bytes to take in at most, unless they land in a target.
   */
  writable(bytesMax?: number): Uint8Array {
    return this.#buffer.writable(pieceBytesMax, bytesMax);
  }

  /**
   * `byteCount` bytes have landed in the memory that `writable` named.
   *
   * @throws ProtocolError when the stream breaks a rule, or what the handler throws. Call nothing afterwards.
   */
  advance(byteCount: number): void {
    this.#buffer.landed(byteCount);
    if (this.#handler.malformed === undefined) while (this.#take());
    else while (this.#takeOrSkip());
  }

  /** The same for a handler to which a malformed chunk may be the end of a request, and not of the stream. */
  #takeOrSkip(): boolean {
    try {
      return this.#take();
    } catch (error) {
      if (!(error instanceof ProtocolError) || this.#handler.malformed?.(error) !== true) throw error;
      this.#buffer.expectSmallThings();
      this.#content.drop();
      this.#step = Step.Content;
      return true;
    }
  }

  /** Consumes one part. Returns `false` when it has not arrived completely. */
  #take(): boolean {
    switch (this.#step) {
      case Step.Header:
        return this.#takeHeader();
      case Step.Payload:
        return this.#takePayload();
      case Step.Data:
        return this.#takeData();
      case Step.Content:
        return this.#takeContent();
    }
  }

  #takeHeader(): boolean {
    const buffer = this.#buffer;
    const { view, head } = buffer;
    const available = buffer.tail - head;
    if (available < 4) return false;
    const magic = view.getUint32(head);
    const mode = this.#mode;
    if (magic === TransmissionMagic.StructuredReply && mode === 'structured') {
      if (available < HeaderBytes.StructuredReply) return false;
      buffer.head = head + HeaderBytes.StructuredReply;
      this.#startChunk(head, view.getUint32(head + 16), 0, 0);
      return true;
    }
    if (magic === TransmissionMagic.SimpleReply && mode !== 'extended') {
      if (available < HeaderBytes.SimpleReply) return false;
      buffer.head = head + HeaderBytes.SimpleReply;
      this.#startSimple(view.getUint32(head + 8), view.getUint32(head + 12), view.getUint32(head + 4));
      return true;
    }
    if (magic === TransmissionMagic.ExtendedReply && mode === 'extended') {
      if (available < HeaderBytes.ExtendedReply) return false;
      buffer.head = head + HeaderBytes.ExtendedReply;
      const length = view.getUint32(head + 24) * 2 ** 32 + view.getUint32(head + 28);
      this.#startChunk(head, length, view.getUint32(head + 16), view.getUint32(head + 20));
      return true;
    }
    throw this.#badMagic(magic);
  }

  #startSimple(cookieHigh: number, cookieLow: number, error: number): void {
    const length = this.#handler.simpleReply(cookieHigh, cookieLow, error);
    if (length === 0) {
      this.#buffer.expectSmallThings();
      this.#handler.simpleEnd();
      return;
    }
    this.#isSimple = true;
    this.#mayBeDirect = true;
    this.#expectPayload(this.#handler.simpleData(length), length);
  }

  #startChunk(head: number, length: number, offsetHigh: number, offsetLow: number): void {
    const { view } = this.#buffer;
    const type = view.getUint16(head + 6);
    const content = this.#content;
    content.type = type;
    content.left = length;
    // C50: all other flags are ignored.
    this.#isDone = (view.getUint16(head + 4) & ChunkFlag.Done) !== 0;
    if (length > limits.payloadBytesMax + 8) throw content.violation('chunk-too-long', `has ${length} bytes`, 'C69');
    this.#handler.chunk(view.getUint32(head + 8), view.getUint32(head + 12), type, offsetHigh, offsetLow);
    if (type === ChunkType.OffsetData) {
      if (length < 9) throw content.violation('bad-chunk-length', `has ${length} bytes, at least 9 are needed`, 'C51');
      this.#step = Step.Data;
      return;
    }
    this.#buffer.expectSmallThings();
    content.begin(this.#isDone);
    if (content.isComplete) this.#endChunk();
    else this.#step = Step.Content;
  }

  #takeData(): boolean {
    const buffer = this.#buffer;
    const { view, head } = buffer;
    if (buffer.tail - head < 8) return false;
    buffer.head = head + 8;
    const length = this.#content.left - 8;
    this.#content.left = length;
    this.#mayBeDirect = true;
    this.#expectPayload(this.#handler.data(view.getUint32(head), view.getUint32(head + 4), length), length);
    return true;
  }

  #expectPayload(target: Uint8Array | undefined, length: number): void {
    this.#buffer.expectPayload(target, length, this.#mayBeDirect);
    this.#step = Step.Payload;
  }

  #takePayload(): boolean {
    if (!this.#buffer.takePayload()) return false;
    if (!this.#isSimple) {
      this.#endChunk();
      return true;
    }
    this.#isSimple = false;
    this.#step = Step.Header;
    this.#handler.simpleEnd();
    return true;
  }

  #endChunk(): void {
    this.#content.left = 0;
    this.#step = Step.Header;
    this.#handler.chunkEnd(this.#isDone);
  }

  /** Takes one part of a chunk without data, or of the rest of a malformed chunk. */
  #takeContent(): boolean {
    const content = this.#content;
    if (!content.take()) return false;
    if (content.isComplete) this.#endChunk();
    return true;
  }

  #badMagic(magic: number): ProtocolError {
    const known = Object.entries(TransmissionMagic).find(([, number]) => number === magic)?.[0];
    const what = known === undefined ? hex(magic) : `the magic of ${known} (${hex(magic)})`;
    const violation = known === undefined ? 'bad-reply-magic' : 'unfit-reply-magic';
    return new ProtocolError(violation, `a reply begins with ${what}, which does not fit ${this.#mode} replies`, {
      phase: 'transmission',
      rule: known === undefined ? 'G4' : 'C63',
      excerpt: this.excerpt,
    });
  }
}
