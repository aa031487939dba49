/** Replies as a client reads them: a push machine that parses all that arrived in one pass and never holds a payload. */
import { type HeaderMode, limits, ProtocolError } from '@nbdjs/interfaces';
import { ChunkFlag, ChunkType, chunkErrorBit, chunkTypes } from './constants.ts';
import { Intake } from './intake.ts';
import { HeaderBytes, TransmissionMagic } from './magic.ts';
import type { ReplyHandler } from './reply-handler.ts';

/** Measured with 4 KiB reads: smaller memory means more reads, larger memory falls out of the processor's cache. */
const stagingBytes = 256 * 1024;

/** The longest thing that is looked at in one piece: an error's text with what stands around it. */
const pieceBytesMax = 2 ** 16 + 16;

/** Hex digits of a 32-bit number. */
const hex = (number: number): string => `0x${number.toString(16).padStart(8, '0')}`;

/** What the bytes at the front of the staging memory are. */
const Step = {
  Header: 0,
  Payload: 1,
  Data: 2,
  Hole: 3,
  Status: 4,
  Extents: 5,
  Error: 6,
  ErrorText: 7,
  Rest: 8,
} as const;

/**
 * Takes a stream of replies apart.
 *
 * Bytes go in the `ByteSink` way, by `writable` and `advance`. Of payloads of 128 KiB and more, all but the beginning (and
 * the end, when less than 96 KiB of it are missing) lands in the memory that the handler named.
 *
 * A reply of another width than the mode's is a violation (C63, C72), although QEMU lets it pass: no server is known
 * that sends one, and a stream that breaks this rule is more likely out of step than well meant.
 */
export class ReplyDecoder {
  readonly #intake = new Intake(stagingBytes);
  readonly #handler: ReplyHandler;
  readonly #mode: HeaderMode;
  readonly #extentsMax: number;
  #step: (typeof Step)[keyof typeof Step] = Step.Header;
  #isSimple = false;
  /** Of the chunk under way: its type, whether it is the last of its reply, and how many bytes of it are still to come. */
  #chunkType = 0;
  #isDone = false;
  #chunkLeft = 0;
  #errorNumber = 0;
  #textBytes = 0;
  #mayBeDirect = true;

  /** `extentsMax`: how many a block status chunk may have. */
  constructor(handler: ReplyHandler, mode: HeaderMode, extentsMax: number = limits.replyExtentsMax) {
    this.#handler = handler;
    this.#mode = mode;
    this.#extentsMax = extentsMax;
  }

  /** Whether everything so far was consumed: the only place where a peer may end in order. */
  get isBetweenReplies(): boolean {
    return this.#step === Step.Header && this.#intake.available === 0;
  }

  /** The bytes around the place that was reached, for messages. Borrowed. */
  get excerpt(): Uint8Array {
    return this.#intake.excerpt;
  }

  /** Asked by the handler from within `simpleData` or `data`: the target may be taken back by `discardPayload`. */
  keepPayloadStaged(): void {
    this.#mayBeDirect = false;
  }

  /** Writes nothing more to the target of the payload under way, which has to be a staged one. */
  discardPayload(): void {
    if (this.#step === Step.Payload) this.#intake.discardPayload();
  }

  /** Bytes of the payload under way that have not come: nothing happens before they are there. */
  get missing(): number {
    return this.#intake.missing;
  }

  /** Where the next bytes must land: never empty, and never more of a target than the rest of its payload. */
  writable(): Uint8Array {
    return this.#intake.writable(pieceBytesMax);
  }

  /** @throws ProtocolError, or what the handler throws; nothing may be called afterwards. */
  advance(byteCount: number): void {
    this.#intake.landed(byteCount);
    if (this.#handler.malformed === undefined) while (this.#take());
    else while (this.#takeOrSkip());
  }

  /** The same for a handler to which a malformed chunk may be the end of a request, and not of the stream. */
  #takeOrSkip(): boolean {
    try {
      return this.#take();
    } catch (error) {
      if (!(error instanceof ProtocolError) || this.#handler.malformed?.(error) !== true) throw error;
      this.#intake.expectSmallThings();
      this.#step = Step.Rest;
      return true;
    }
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
      case Step.Rest:
        return this.#takeRest();
    }
  }

  #takeHeader(): boolean {
    const intake = this.#intake;
    const { view, head } = intake;
    const available = intake.tail - head;
    if (available < 4) return false;
    const magic = view.getUint32(head);
    const mode = this.#mode;
    if (magic === TransmissionMagic.StructuredReply && mode === 'structured') {
      if (available < HeaderBytes.StructuredReply) return false;
      intake.head = head + HeaderBytes.StructuredReply;
      this.#startChunk(head, view.getUint32(head + 16), 0, 0);
      return true;
    }
    if (magic === TransmissionMagic.SimpleReply && mode !== 'extended') {
      if (available < HeaderBytes.SimpleReply) return false;
      intake.head = head + HeaderBytes.SimpleReply;
      this.#startSimple(view.getUint32(head + 8), view.getUint32(head + 12), view.getUint32(head + 4));
      return true;
    }
    if (magic === TransmissionMagic.ExtendedReply && mode === 'extended') {
      if (available < HeaderBytes.ExtendedReply) return false;
      intake.head = head + HeaderBytes.ExtendedReply;
      const length = view.getUint32(head + 24) * 2 ** 32 + view.getUint32(head + 28);
      this.#startChunk(head, length, view.getUint32(head + 16), view.getUint32(head + 20));
      return true;
    }
    throw this.#badMagic(magic);
  }

  #startSimple(cookieHigh: number, cookieLow: number, error: number): void {
    const length = this.#handler.simpleReply(cookieHigh, cookieLow, error);
    if (length === 0) {
      this.#intake.expectSmallThings();
      this.#handler.simpleEnd();
      return;
    }
    this.#isSimple = true;
    this.#mayBeDirect = true;
    this.#expectPayload(this.#handler.simpleData(length), length);
  }

  #startChunk(head: number, length: number, offsetHigh: number, offsetLow: number): void {
    const { view } = this.#intake;
    const type = view.getUint16(head + 6);
    this.#chunkType = type;
    this.#chunkLeft = length;
    // C50: whatever else the flags say is ignored.
    this.#isDone = (view.getUint16(head + 4) & ChunkFlag.Done) !== 0;
    if (length > limits.payloadBytesMax + 8) throw this.#violation('chunk-too-long', `has ${length} bytes`, 'C69');
    this.#handler.chunk(view.getUint32(head + 8), view.getUint32(head + 12), type, offsetHigh, offsetLow);
    if (type === ChunkType.OffsetData) {
      if (length < 9) throw this.#violation('bad-chunk-length', `has ${length} bytes, at least 9 are needed`, 'C51');
      this.#step = Step.Data;
      return;
    }
    this.#intake.expectSmallThings();
    this.#step = this.#stepAfter(type, length);
    if (this.#step === Step.Header) this.#endChunk();
  }

  /** Which content comes behind the header of a chunk without data. */
  #stepAfter(type: number, length: number): (typeof Step)[keyof typeof Step] {
    switch (type) {
      case ChunkType.None:
        if (length !== 0) throw this.#violation('bad-chunk-length', `has ${length} bytes instead of none`, 'C51');
        if (!this.#isDone) throw this.#violation('none-without-done', 'does not end its reply', 'C51');
        return Step.Header;
      case ChunkType.OffsetHole:
        if (length !== 12) throw this.#violation('bad-chunk-length', `has ${length} bytes instead of 12`, 'C51');
        return Step.Hole;
      case ChunkType.BlockStatus:
      case ChunkType.BlockStatusExt:
        this.#checkStatus(type === ChunkType.BlockStatusExt, length);
        return Step.Status;
      default: {
        if ((type & chunkErrorBit) === 0) throw this.#violation('unknown-chunk', 'is of an unknown type', 'C51');
        const least = type === ChunkType.ErrorOffset ? 14 : 6;
        if (length < least)
          throw this.#violation('bad-chunk-length', `has ${length} of at least ${least} bytes`, 'C52');
        return Step.Error;
      }
    }
  }

  #checkStatus(isExtended: boolean, length: number): void {
    if (isExtended !== (this.#mode === 'extended')) {
      throw this.#violation('unfit-chunk', `does not fit ${this.#mode} replies`, 'C72');
    }
    const [fixedBytes, extentBytes] = isExtended ? [8, 16] : [4, 8];
    const count = (length - fixedBytes) / extentBytes;
    if (!Number.isInteger(count) || count < 1) throw this.#violation('bad-chunk-length', `has ${length} bytes`, 'C51');
    if (count > this.#extentsMax) throw this.#violation('too-many-extents', `has ${count} extents`, 'C69');
  }

  #takeData(): boolean {
    const intake = this.#intake;
    const { view, head } = intake;
    if (intake.tail - head < 8) return false;
    intake.head = head + 8;
    this.#chunkLeft -= 8;
    const length = this.#chunkLeft;
    this.#mayBeDirect = true;
    this.#expectPayload(this.#handler.data(view.getUint32(head), view.getUint32(head + 4), length), length);
    return true;
  }

  #expectPayload(target: Uint8Array | undefined, length: number): void {
    this.#intake.expectPayload(target, length, this.#mayBeDirect);
    this.#step = Step.Payload;
  }

  #takePayload(): boolean {
    if (!this.#intake.takePayload()) return false;
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
    this.#chunkLeft = 0;
    this.#step = Step.Header;
    this.#handler.chunkEnd(this.#isDone);
  }

  #takeHole(): boolean {
    const intake = this.#intake;
    const { view, head } = intake;
    if (intake.tail - head < 12) return false;
    intake.head = head + 12;
    this.#chunkLeft = 0;
    const length = view.getUint32(head + 8);
    if (length === 0) throw this.#violation('empty-hole', 'describes a hole of no bytes', 'C51');
    this.#handler.hole(view.getUint32(head), view.getUint32(head + 4), length);
    this.#endChunk();
    return true;
  }

  #takeStatus(): boolean {
    const intake = this.#intake;
    const { view, head } = intake;
    const isExtended = this.#mode === 'extended';
    const fixedBytes = isExtended ? 8 : 4;
    if (intake.tail - head < fixedBytes) return false;
    intake.head = head + fixedBytes;
    this.#chunkLeft -= fixedBytes;
    const count = this.#chunkLeft / (isExtended ? 16 : 8);
    if (isExtended && view.getUint32(head + 4) !== count) {
      throw this.#violation('extent-count', `announces ${view.getUint32(head + 4)} extents and has ${count}`, 'C72');
    }
    this.#handler.blockStatus(view.getUint32(head), count);
    this.#step = Step.Extents;
    return true;
  }

  #takeExtents(): boolean {
    const intake = this.#intake;
    const { view } = intake;
    const isExtended = this.#mode === 'extended';
    const extentBytes = isExtended ? 16 : 8;
    while (this.#chunkLeft > 0) {
      const { head } = intake;
      if (intake.tail - head < extentBytes) return false;
      intake.head = head + extentBytes;
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
    const intake = this.#intake;
    const { view, head } = intake;
    if (intake.tail - head < 6) return false;
    intake.head = head + 6;
    this.#chunkLeft -= 6;
    this.#errorNumber = view.getUint32(head);
    this.#textBytes = view.getUint16(head + 4);
    if (this.#errorNumber === 0) throw this.#violation('error-zero', 'is an error without a number', 'C51');
    const room = this.#chunkLeft - (this.#chunkType === ChunkType.ErrorOffset ? 8 : 0);
    if (this.#textBytes > room) {
      const what = `announces ${this.#textBytes} bytes of text and has room for ${room}`;
      throw this.#violation('error-text-length', what, 'C52');
    }
    this.#step = Step.ErrorText;
    return true;
  }

  #takeErrorText(): boolean {
    const intake = this.#intake;
    const hasOffset = this.#chunkType === ChunkType.ErrorOffset;
    const pieceBytes = this.#textBytes + (hasOffset ? 8 : 0);
    const piece = intake.take(pieceBytes);
    if (piece === undefined) return false;
    this.#chunkLeft -= pieceBytes;
    this.#handler.error(this.#errorNumber, piece.subarray(0, this.#textBytes));
    const place = intake.head - 8;
    if (hasOffset) this.#handler.errorOffset(intake.view.getUint32(place), intake.view.getUint32(place + 4));
    this.#step = Step.Rest;
    return true;
  }

  /** What an error chunk has besides its text, which is unknown to us, or what a malformed chunk still has. */
  #takeRest(): boolean {
    this.#chunkLeft -= this.#intake.skip(this.#chunkLeft);
    if (this.#chunkLeft > 0) return false;
    this.#endChunk();
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

  #violation(violation: string, what: string, rule: string): ProtocolError {
    const message = `a reply chunk (${chunkTypes.name(this.#chunkType)}) ${what}`;
    return new ProtocolError(violation, message, { phase: 'transmission', rule, excerpt: this.excerpt });
  }
}
