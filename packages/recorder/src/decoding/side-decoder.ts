/** Cuts the bytes of one side into messages. */
import type { Frame, FrameHandler, Side } from './frame.ts';
import type { Measure, MeasureMessage } from './measure.ts';

/** What is known about one side's messages. */
export interface SideMessages {
  readonly measure: MeasureMessage;
  take(frame: Frame): void;
}

export class SideDecoder {
  readonly #side: Side;
  readonly #messages: SideMessages;
  readonly #handler: FrameHandler;
  /** The beginning of a message that has not arrived completely. */
  #staged = new Uint8Array(64);
  #stagedBytes = 0;
  /** So many staged bytes are needed to go on. */
  #neededBytes = 1;
  #measured: Measure | undefined;
  /** Of the payload under way. */
  #missingBytes = 0;
  #arrivedBytes = 0;
  #hasEnded = false;

  constructor(side: Side, messages: SideMessages, handler: FrameHandler) {
    this.#side = side;
    this.#messages = messages;
    this.#handler = handler;
  }

  /** Whether all that has come are whole messages. */
  get isBetweenMessages(): boolean {
    return this.#stagedBytes === 0 && this.#missingBytes === 0;
  }

  /** The next bytes of this side; borrowed. After the end they are ignored. */
  push(bytes: Uint8Array): void {
    if (this.#hasEnded) return;
    for (let position = 0; position < bytes.length; ) {
      if (this.#missingBytes > 0) {
        const piece = bytes.subarray(position, position + Math.min(this.#missingBytes, bytes.length - position));
        position += piece.length;
        this.#takePayload(piece);
      } else {
        position += this.#takeWhole(bytes, position) ?? this.#takePart(bytes, position);
      }
    }
  }

  /** This side sends no more. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#missingBytes > 0) this.#endFrame();
    else if (this.#stagedBytes > 0) {
      const note = `the stream ends in the middle of a message, after ${this.#stagedBytes} bytes of it`;
      this.#beginStaged({ kind: 'undecoded', wireBytes: this.#stagedBytes, payloadBytes: 0, note });
    }
  }

  /**
   * Begins a message of which all that is kept is there, from where it is. Returns how many bytes that were; `undefined` where it has to be
   * put together.
   */
  #takeWhole(bytes: Uint8Array, position: number): number | undefined {
    if (this.#stagedBytes > 0) return undefined;
    const available = bytes.length - position;
    const measured = this.#messages.measure(new DataView(bytes.buffer, bytes.byteOffset + position, available));
    if (typeof measured === 'number' || measured.wireBytes > available) return undefined;
    const wire = new Uint8Array(measured.wireBytes);
    wire.set(bytes.subarray(position, position + wire.length));
    this.#begin(measured, wire);
    return wire.length;
  }

  /** Puts together what has come of a message. Returns how many bytes that were. */
  #takePart(bytes: Uint8Array, position: number): number {
    const byteCount = Math.min(this.#neededBytes - this.#stagedBytes, bytes.length - position);
    this.#stage(bytes.subarray(position, position + byteCount));
    if (this.#stagedBytes === this.#neededBytes) this.#takeStaged();
    return byteCount;
  }

  #stage(bytes: Uint8Array): void {
    if (this.#neededBytes > this.#staged.length) {
      const grown = new Uint8Array(Math.max(this.#neededBytes, 2 * this.#staged.length));
      grown.set(this.#staged.subarray(0, this.#stagedBytes));
      this.#staged = grown;
    }
    this.#staged.set(bytes, this.#stagedBytes);
    this.#stagedBytes += bytes.length;
  }

  /** As many bytes are staged as were needed. */
  #takeStaged(): void {
    let measured = this.#measured;
    if (measured === undefined) {
      const result = this.#messages.measure(new DataView(this.#staged.buffer, 0, this.#stagedBytes));
      if (typeof result === 'number') {
        this.#neededBytes = result;
        return;
      }
      measured = result;
    }
    if (measured.wireBytes > this.#stagedBytes) {
      this.#measured = measured;
      this.#neededBytes = measured.wireBytes;
    } else this.#beginStaged(measured);
  }

  #beginStaged(measured: Measure): void {
    const wire = this.#staged.slice(0, measured.wireBytes);
    // What was looked at and is no message is the beginning of the rest.
    const rest = this.#staged.slice(measured.wireBytes, this.#stagedBytes);
    this.#measured = undefined;
    this.#stagedBytes = 0;
    this.#neededBytes = 1;
    this.#begin(measured, wire);
    if (rest.length > 0) this.#takePayload(rest);
  }

  #begin({ kind, payloadBytes, request, note }: Measure, wire: Uint8Array): void {
    this.#arrivedBytes = 0;
    this.#missingBytes = payloadBytes;
    const frame: Frame = { side: this.#side, kind, wire, payloadBytes, request, note };
    this.#messages.take(frame);
    this.#handler.frame(frame);
    if (payloadBytes === 0) this.#endFrame();
  }

  #takePayload(piece: Uint8Array): void {
    this.#missingBytes -= piece.length;
    this.#arrivedBytes += piece.length;
    this.#handler.payload(this.#side, piece);
    if (this.#missingBytes === 0) this.#endFrame();
  }

  #endFrame(): void {
    this.#missingBytes = 0;
    this.#handler.frameEnd(this.#side, this.#arrivedBytes);
  }
}
