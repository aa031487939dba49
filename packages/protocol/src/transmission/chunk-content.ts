/** What follows the header of a chunk without data: a hole, block status, or an error. */
import { type HeaderMode, ProtocolError } from '@nbdjs/interfaces';
import { ChunkType, chunkErrorBit, chunkTypes } from '../constants/constants.ts';
import type { ReceiveBuffer } from './receive-buffer.ts';
import type { ReplyHandler } from './reply-handler.ts';

/** What the next bytes of the content are. */
const Part = {
  Hole: 0,
  Status: 1,
  Extents: 2,
  Error: 3,
  ErrorText: 4,
  /** Bytes that are skipped: what an error has besides its text, or the rest of a malformed chunk. */
  Rest: 5,
  /** The chunk is complete. */
  End: 6,
} as const;

type Part = (typeof Part)[keyof typeof Part];

/** Reads the content of one chunk after the other. Holds no bytes: what has not arrived completely stays in the buffer. */
export class ChunkContent {
  /** The chunk under way (`ChunkType`). */
  type = 0;
  /** Bytes of the chunk that have not been consumed. */
  left = 0;
  readonly #buffer: ReceiveBuffer;
  readonly #handler: ReplyHandler;
  readonly #mode: HeaderMode;
  readonly #extentsMax: number;
  #part: Part = Part.End;
  #errorNumber = 0;
  #textBytes = 0;

  constructor(buffer: ReceiveBuffer, handler: ReplyHandler, mode: HeaderMode, extentsMax: number) {
    this.#buffer = buffer;
    this.#handler = handler;
    this.#mode = mode;
    this.#extentsMax = extentsMax;
  }

  /** Whether nothing of the chunk is left to read. */
  get isComplete(): boolean {
    return this.#part === Part.End;
  }

  /**
   * Begins with the chunk that `type` and `left` describe.
   *
   * @throws ProtocolError when the chunk cannot have this length, or is of an unknown type.
   */
  begin(isDone: boolean): void {
    this.#part = this.#firstPart(isDone);
  }

  /** Drops what is left of the chunk. */
  drop(): void {
    this.#part = Part.Rest;
  }

  /**
   * Consumes one part. Returns `false` when it has not arrived completely.
   *
   * @throws ProtocolError
   */
  take(): boolean {
    switch (this.#part) {
      case Part.Hole:
        return this.#takeHole();
      case Part.Status:
        return this.#takeStatus();
      case Part.Extents:
        return this.#takeExtents();
      case Part.Error:
        return this.#takeError();
      case Part.ErrorText:
        return this.#takeErrorText();
      case Part.Rest:
        return this.#takeRest();
      case Part.End:
        return true;
    }
  }

  /** The error for a chunk that breaks a rule; `what` completes `a reply chunk (TYPE) ...`. */
  violation(violation: string, what: string, rule: string): ProtocolError {
    const message = `a reply chunk (${chunkTypes.name(this.type)}) ${what}`;
    return new ProtocolError(violation, message, { phase: 'transmission', rule, excerpt: this.#buffer.excerpt });
  }

  #firstPart(isDone: boolean): Part {
    const { type, left } = this;
    switch (type) {
      case ChunkType.None:
        if (left !== 0) throw this.violation('bad-chunk-length', `has ${left} bytes instead of none`, 'C51');
        if (!isDone) throw this.violation('none-without-done', 'does not end its reply', 'C51');
        return Part.End;
      case ChunkType.OffsetHole:
        if (left !== 12) throw this.violation('bad-chunk-length', `has ${left} bytes instead of 12`, 'C51');
        return Part.Hole;
      case ChunkType.BlockStatus:
      case ChunkType.BlockStatusExt:
        this.#checkStatus(type === ChunkType.BlockStatusExt);
        return Part.Status;
      default: {
        if ((type & chunkErrorBit) === 0) throw this.violation('unknown-chunk', 'is of an unknown type', 'C51');
        const least = type === ChunkType.ErrorOffset ? 14 : 6;
        if (left < least) throw this.violation('bad-chunk-length', `has ${left} of at least ${least} bytes`, 'C52');
        return Part.Error;
      }
    }
  }

  #checkStatus(isExtended: boolean): void {
    if (isExtended !== (this.#mode === 'extended')) {
      throw this.violation('unfit-chunk', `does not fit ${this.#mode} replies`, 'C72');
    }
    const [fixedBytes, extentBytes] = isExtended ? [8, 16] : [4, 8];
    const count = (this.left - fixedBytes) / extentBytes;
    if (!Number.isInteger(count) || count < 1) {
      throw this.violation('bad-chunk-length', `has ${this.left} bytes`, 'C51');
    }
    if (count > this.#extentsMax) throw this.violation('too-many-extents', `has ${count} extents`, 'C69');
  }

  #takeHole(): boolean {
    const buffer = this.#buffer;
    const { view, head } = buffer;
    if (buffer.tail - head < 12) return false;
    buffer.head = head + 12;
    this.left = 0;
    const length = view.getUint32(head + 8);
    if (length === 0) throw this.violation('empty-hole', 'describes a hole of no bytes', 'C51');
    this.#handler.hole(view.getUint32(head), view.getUint32(head + 4), length);
    this.#part = Part.End;
    return true;
  }

  #takeStatus(): boolean {
    const buffer = this.#buffer;
    const { view, head } = buffer;
    const isExtended = this.#mode === 'extended';
    const fixedBytes = isExtended ? 8 : 4;
    if (buffer.tail - head < fixedBytes) return false;
    buffer.head = head + fixedBytes;
    this.left -= fixedBytes;
    const count = this.left / (isExtended ? 16 : 8);
    if (isExtended && view.getUint32(head + 4) !== count) {
      throw this.violation('extent-count', `announces ${view.getUint32(head + 4)} extents and has ${count}`, 'C72');
    }
    this.#handler.blockStatus(view.getUint32(head), count);
    this.#part = Part.Extents;
    return true;
  }

  #takeExtents(): boolean {
    const buffer = this.#buffer;
    const { view } = buffer;
    const isExtended = this.#mode === 'extended';
    const extentBytes = isExtended ? 16 : 8;
    while (this.left > 0) {
      const { head } = buffer;
      if (buffer.tail - head < extentBytes) return false;
      buffer.head = head + extentBytes;
      this.left -= extentBytes;
      if (isExtended) {
        const statusHigh = view.getUint32(head + 8);
        this.#handler.extent(view.getUint32(head), view.getUint32(head + 4), statusHigh, view.getUint32(head + 12));
      } else {
        this.#handler.extent(0, view.getUint32(head), 0, view.getUint32(head + 4));
      }
    }
    this.#part = Part.End;
    return true;
  }

  #takeError(): boolean {
    const buffer = this.#buffer;
    const { view, head } = buffer;
    if (buffer.tail - head < 6) return false;
    buffer.head = head + 6;
    this.left -= 6;
    this.#errorNumber = view.getUint32(head);
    this.#textBytes = view.getUint16(head + 4);
    if (this.#errorNumber === 0) throw this.violation('error-zero', 'is an error without a number', 'C51');
    const room = this.left - (this.type === ChunkType.ErrorOffset ? 8 : 0);
    if (this.#textBytes > room) {
      const what = `announces ${this.#textBytes} bytes of text and has room for ${room}`;
      throw this.violation('error-text-length', what, 'C52');
    }
    this.#part = Part.ErrorText;
    return true;
  }

  #takeErrorText(): boolean {
    const buffer = this.#buffer;
    const hasOffset = this.type === ChunkType.ErrorOffset;
    const pieceBytes = this.#textBytes + (hasOffset ? 8 : 0);
    const piece = buffer.take(pieceBytes);
    if (piece === undefined) return false;
    this.left -= pieceBytes;
    this.#handler.error(this.#errorNumber, piece.subarray(0, this.#textBytes));
    const place = buffer.head - 8;
    if (hasOffset) this.#handler.errorOffset(buffer.view.getUint32(place), buffer.view.getUint32(place + 4));
    this.#part = Part.Rest;
    return true;
  }

  #takeRest(): boolean {
    this.left -= this.#buffer.skip(this.left);
    if (this.left > 0) return false;
    this.#part = Part.End;
    return true;
  }
}
