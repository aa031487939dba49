/** Where the messages of a client end. */
import {
  Command,
  CommandFlag,
  GreetingBytes,
  HandshakeMagic,
  HeaderBytes,
  optionHeaderBytes,
  TransmissionMagic,
} from '@nbdjs/protocol';
import type { Frame } from './frame.ts';
import { encrypted, type Measure, type MeasureMessage, undecoded, unexpected, withContent } from './measure.ts';
import { readRequestHeader } from './request-header.ts';
import type { SessionState } from './session-state.ts';

/** The first four bytes of `IHAVEOPT`. */
const optionWord = Number(HandshakeMagic.Option >> 32n);
/** The first byte of each record of a TLS handshake. */
const tlsByte = 0x16;
/** A client that sends other flags than the lower 16 speaks another protocol. */
const flagsMax = 0xffff;

export class ClientMessages {
  readonly #state: SessionState;
  readonly #contentBytesMax: number;
  #hasGreeted: boolean;

  constructor(state: SessionState, contentBytesMax: number, hasGreeted: boolean) {
    this.#hasGreeted = hasGreeted;
    this.#state = state;
    this.#contentBytesMax = contentBytesMax;
  }

  readonly measure: MeasureMessage = (view) => {
    const state = this.#state;
    if (state.isEncrypted) return encrypted;
    if (state.lost !== undefined) return undecoded(state.lost);
    if (state.awaitsTls && view.getUint8(0) === tlsByte) return encrypted;
    if (view.byteLength < 4) return 4;
    const word = view.getUint32(0);
    if (!this.#hasGreeted && state.style !== 'oldstyle' && word <= flagsMax) {
      return { kind: 'client-flags', wireBytes: GreetingBytes.clientFlags, payloadBytes: 0 };
    }
    if (word === optionWord) return this.#measureOption(view);
    if (word === TransmissionMagic.Request) return this.#measureRequest(view, false);
    if (word === TransmissionMagic.ExtendedRequest) return this.#measureRequest(view, true);
    return unexpected(view, 4, this.#hasGreeted ? 'an option or a request' : "the client's flags");
  };

  /** What a message says about the session. */
  take({ kind, wire, request }: Frame): void {
    const view = (): DataView => new DataView(wire.buffer, wire.byteOffset, wire.length);
    if (kind === 'client-flags') this.#state.takeFlags('client', view().getUint32(0));
    if (kind === 'option') this.#state.takeOption(view().getUint32(8));
    // A disconnect has no answer.
    if (request !== undefined && request.command !== Command.Disconnect) this.#state.requests.add(request);
    this.#hasGreeted = true;
  }

  #measureOption(view: DataView): Measure | number {
    if (view.byteLength < optionHeaderBytes) return optionHeaderBytes;
    if (view.getBigUint64(0) !== HandshakeMagic.Option) return unexpected(view, 8, 'IHAVEOPT');
    return withContent('option', optionHeaderBytes, view.getUint32(12), this.#contentBytesMax);
  }

  #measureRequest(view: DataView, isExtended: boolean): Measure | number {
    const headerBytes = isExtended ? HeaderBytes.ExtendedRequest : HeaderBytes.Request;
    if (view.byteLength < headerBytes) return headerBytes;
    const request = readRequestHeader(view);
    if (request === undefined) return headerBytes;
    if (!this.#state.hasRoom()) return undecoded(this.#state.lost ?? '');
    const length = Number(request.length);
    if (request.command === Command.Write) {
      return { kind: 'request', wireBytes: headerBytes, payloadBytes: length, request };
    }
    const hasContent = isExtended && (request.flags & CommandFlag.PayloadLen) !== 0;
    return withContent('request', headerBytes, hasContent ? length : 0, this.#contentBytesMax, request);
  }
}
