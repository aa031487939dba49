/** Passes messages on one by one, and does to them what rules say. */
import { Option } from '@nbdjs/protocol';
import { type Frame, type FrameHandler, otherSide, type Side } from '../decoding/frame.ts';
import type { SessionDecoder } from '../decoding/session-decoder.ts';
import { encodeFailure, encodeRefusal } from '../faults/error-reply.ts';
import { type ConnectionFaults, describeAction, type Fault } from '../faults/fault-injector.ts';
import type { RelayListener } from './listener.ts';
import type { Outlet } from './outlet.ts';

/** What a passage needs of its relay. */
interface Surroundings {
  readonly listener: RelayListener;
  /** Ends both connections, when what was sent to this side has arrived. */
  readonly cut: (to: Side) => void;
  readonly decoder: () => SessionDecoder;
}

/** What happens to the message under way. */
interface Passing {
  /** Bytes that still pass; the rest is dropped. */
  left: number;
  /** Whether both connections end behind those. */
  readonly isCut: boolean;
  /** Whether the message is not complete. */
  isOpen: boolean;
}

export class FaultyPassage implements FrameHandler {
  /** Whether a request was answered in the place of the server. */
  hasAnswered = false;
  readonly #faults: ConnectionFaults;
  readonly #outlets: Readonly<Record<Side, Outlet>>;
  readonly #surroundings: Surroundings;
  readonly #passing: Record<Side, Passing> = { client: complete(), server: complete() };
  /** Replies of our own that wait for the end of one of the server's. */
  #answers: Uint8Array[] = [];

  constructor(faults: ConnectionFaults, outlets: Readonly<Record<Side, Outlet>>, surroundings: Surroundings) {
    this.#faults = faults;
    this.#outlets = outlets;
    this.#surroundings = surroundings;
  }

  frame(frame: Frame): void {
    const { listener } = this.#surroundings;
    listener.frame(frame);
    const faults = this.#faults.of(frame);
    for (const { action, rule } of faults) {
      listener.fault?.(`${describeAction(action)} (${rule})`, frame);
      if (action.type === 'delay') this.#outletFrom(frame.side).delay(action.ms);
    }
    const last = faults.find(({ action }) => action.type !== 'delay');
    this.#passing[frame.side] = { ...this.#begin(frame, last), isOpen: true };
    this.#send(frame.side, frame.wire);
  }

  payload(side: Side, bytes: Uint8Array): void {
    this.#surroundings.listener.payload(side, bytes);
    // The memory is used again for the next delivery, which may come before this has been sent.
    if (this.#passing[side].left > 0) this.#send(side, bytes.slice());
  }

  frameEnd(side: Side, payloadBytes: number): void {
    this.#surroundings.listener.frameEnd(side, payloadBytes);
    this.#passing[side].isOpen = false;
    if (side === 'server') this.#sendAnswers();
  }

  /** Returns how much of a message passes. */
  #begin(frame: Frame, fault: Fault | undefined): Omit<Passing, 'isOpen'> {
    const { side, wire, payloadBytes } = frame;
    const action = fault?.action;
    switch (action?.type) {
      case 'error':
        return this.#answer(frame, action.error);
      case 'drop':
        this.#forget(frame);
        return { left: 0, isCut: false };
      case 'cut':
        return { left: Math.ceil((wire.length + payloadBytes) / 2), isCut: true };
      case 'disconnect':
        this.#cut(side);
        return { left: 0, isCut: false };
      default:
        return { left: Number.POSITIVE_INFINITY, isCut: false };
    }
  }

  /** Answers in the place of the server. */
  #answer(frame: Frame, error: string): Omit<Passing, 'isOpen'> {
    const { side, request, wire } = frame;
    const nothing = { left: 0, isCut: false };
    if (request !== undefined) this.#answers.push(encodeFailure(request, error, this.#surroundings.decoder().mode));
    else {
      const option = new DataView(wire.buffer, wire.byteOffset, wire.length).getUint32(8);
      // This option has no answer but the end of the connection.
      if (option === Option.ExportName) {
        this.#cut(side);
        return nothing;
      }
      this.#answers.push(encodeRefusal(option, error));
    }
    this.#forget(frame);
    this.hasAnswered = true;
    if (!this.#passing.server.isOpen) this.#sendAnswers();
    return nothing;
  }

  /** The server does not see this message, so it does not answer it. */
  #forget({ kind, request, wire }: Frame): void {
    const decoder = this.#surroundings.decoder();
    if (kind === 'request' && request !== undefined) decoder.forgetRequest(request);
    if (kind === 'option') {
      decoder.forgetOption(new DataView(wire.buffer, wire.byteOffset, wire.length).getUint32(8));
    }
  }

  #send(side: Side, bytes: Uint8Array): void {
    const passing = this.#passing[side];
    if (passing.left === 0) return;
    this.#outletFrom(side).send(bytes.subarray(0, Math.min(bytes.length, passing.left)));
    passing.left = Math.max(0, passing.left - bytes.length);
    if (passing.left === 0 && passing.isCut) this.#cut(side);
  }

  #sendAnswers(): void {
    for (const answer of this.#answers) this.#outlets.client.send(answer);
    this.#answers = [];
  }

  #cut(side: Side): void {
    const to = otherSide(side);
    this.#outlets[to].act(() => this.#surroundings.cut(to));
  }

  #outletFrom(side: Side): Outlet {
    return this.#outlets[otherSide(side)];
  }
}

function complete(): Passing {
  return { left: 0, isCut: false, isOpen: false };
}
