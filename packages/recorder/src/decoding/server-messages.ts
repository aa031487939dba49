/** Where the messages of a server end. */
import {
  ChunkFlag,
  ChunkType,
  exportNameReplyBytes,
  GreetingBytes,
  HandshakeMagic,
  HeaderBytes,
  Option,
  optionReplyHeaderBytes,
  TransmissionMagic,
} from '@nbdjs/protocol';
import type { Frame } from './frame.ts';
import { encrypted, type Measure, type MeasureMessage, undecoded, unexpected, withContent } from './measure.ts';
import { simpleDataBytes } from './requests-in-flight.ts';
import type { SessionState } from './session-state.ts';

/** The first four bytes of an option reply. */
const optionReplyWord = Number(HandshakeMagic.OptionReply >> 32n);

const magicBytes = GreetingBytes.initialMagic + GreetingBytes.serverMagic;
const noAnswer = 'answers no request that was seen';

export class ServerMessages {
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
    if (!this.#hasGreeted) return measureGreeting(view);
    if (state.isEncrypted) return encrypted;
    if (state.lost !== undefined) return undecoded(state.lost);
    if (state.nextOption === Option.ExportName) {
      if (view.byteLength < 8) return 8;
      if (view.getBigUint64(0) !== HandshakeMagic.OptionReply) {
        return { kind: 'export', wireBytes: exportNameReplyBytes(state.noZeroes), payloadBytes: 0 };
      }
    }
    if (view.byteLength < 4) return 4;
    switch (view.getUint32(0)) {
      case optionReplyWord:
        return this.#measureOptionReply(view);
      case TransmissionMagic.SimpleReply:
        return this.#measureSimple(view);
      case TransmissionMagic.StructuredReply:
        return this.#measureChunk(view, false);
      case TransmissionMagic.ExtendedReply:
        return this.#measureChunk(view, true);
      default:
        return unexpected(view, 4, 'an option reply or a reply');
    }
  };

  /** What a message says about the session. */
  take({ kind, wire, request }: Frame): void {
    const state = this.#state;
    const view = new DataView(wire.buffer, wire.byteOffset, wire.length);
    this.#hasGreeted = true;
    if (kind === 'greeting') {
      state.style = wire.length > magicBytes + GreetingBytes.handshakeFlags ? 'oldstyle' : 'newstyle';
      if (state.style === 'newstyle') state.takeFlags('server', view.getUint16(magicBytes));
    } else if (kind === 'option-reply') state.takeOptionReply(view.getUint32(8), view.getUint32(12));
    else if (kind === 'export') state.takeExport();
    else if (request !== undefined && (kind === 'simple-reply' || (view.getUint16(4) & ChunkFlag.Done) !== 0)) {
      state.requests.remove(request);
    }
  }

  #measureOptionReply(view: DataView): Measure | number {
    if (view.byteLength < optionReplyHeaderBytes) return optionReplyHeaderBytes;
    if (view.getBigUint64(0) !== HandshakeMagic.OptionReply) return unexpected(view, 8, 'an option reply');
    return withContent('option-reply', optionReplyHeaderBytes, view.getUint32(16), this.#contentBytesMax);
  }

  #measureSimple(view: DataView): Measure | number {
    const wireBytes = HeaderBytes.SimpleReply;
    if (view.byteLength < wireBytes) return wireBytes;
    const request = this.#state.requests.find(view.getBigUint64(8));
    const payloadBytes = view.getUint32(4) === 0 ? simpleDataBytes(request) : 0;
    return { kind: 'simple-reply', wireBytes, payloadBytes, request, note: noteOf(request) };
  }

  #measureChunk(view: DataView, isExtended: boolean): Measure | number {
    const headerBytes = isExtended ? HeaderBytes.ExtendedReply : HeaderBytes.StructuredReply;
    if (view.byteLength < headerBytes) return headerBytes;
    const request = this.#state.requests.find(view.getBigUint64(8));
    const length = isExtended ? Number(view.getBigUint64(24)) : view.getUint32(16);
    // Data is payload; its offset is content.
    const kept = view.getUint16(6) === ChunkType.OffsetData ? 8 : this.#contentBytesMax;
    return withContent('chunk', headerBytes, length, kept, request, noteOf(request));
  }
}

function measureGreeting(view: DataView): Measure | number {
  if (view.byteLength < 8) return 8;
  if (view.getBigUint64(0) !== HandshakeMagic.Init) return unexpected(view, 8, 'NBDMAGIC');
  if (view.byteLength < magicBytes) return magicBytes;
  const magic = view.getBigUint64(8);
  const plain = { kind: 'greeting', payloadBytes: 0 } as const;
  if (magic === HandshakeMagic.Option) return { ...plain, wireBytes: magicBytes + GreetingBytes.handshakeFlags };
  if (magic === HandshakeMagic.Oldstyle) return { ...plain, wireBytes: magicBytes + GreetingBytes.oldstyleExport };
  return undecoded(`the second word of the server is 0x${magic.toString(16)}, expected IHAVEOPT or that of oldstyle`);
}

function noteOf(request: object | undefined): string | undefined {
  return request === undefined ? noAnswer : undefined;
}
