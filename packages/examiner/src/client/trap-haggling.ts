/** The handshake with a client under examination: answers options, and notes what breaks a rule. */
import type { BlockSizes, HeaderMode } from '@nbdjs/interfaces';
import { baseAllocation } from '@nbdjs/interfaces';
import {
  decodeOptionHeader,
  decodeOptionReplyHeader,
  encodeAckReply,
  encodeErrorReply,
  encodeExportNameReply,
  encodeGreeting,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeServerReply,
  HandshakeFlag,
  InfoType,
  isOptionError,
  Malformed,
  Option,
  OptionReply,
  optionHeaderBytes,
  optionReplyHeaderBytes,
  options,
  parseOptionRequest,
  TransmissionFlag,
} from '@nbdjs/protocol';
import type { Wire } from '../wire/wire.ts';
import type { Quirks, ReplyPiece } from './scenario.ts';
import { exportBytes, usualBlockSizes, usualTransmissionFlags } from './served-export.ts';
import type { Agreed, Violation } from './violations.ts';

/** What a client may send as data of an option. */
const optionBytesMax = 65_536;
const modes: readonly HeaderMode[] = ['simple', 'structured', 'extended'];

/** One handshake. */
export class TrapHaggling {
  readonly #wire: Wire;
  readonly #quirks: Quirks;
  readonly #note: (violation: Violation) => void;
  #mode: HeaderMode = 'simple';
  #hasContexts = false;
  #isFixed = true;
  /** The client was given an answer that breaks a rule. */
  #isConfused = false;

  constructor(wire: Wire, quirks: Quirks, note: (violation: Violation) => void) {
    this.#wire = wire;
    this.#quirks = quirks;
    this.#note = note;
  }

  /** Resolves to what was agreed on when the client opens the export; `undefined` when the connection is over. */
  async run(): Promise<Agreed | undefined> {
    const { handshakeFlags = HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes } = this.#quirks;
    this.#wire.send(encodeGreeting({ style: 'newstyle', handshakeFlags }));
    const bytes = await this.#wire.take(4, 'the flags of the client');
    const flags = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
    const known = handshakeFlags & (HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes);
    if ((flags & ~known) !== 0) this.#must('C3', `the client flags are 0x${flags.toString(16)}`);
    this.#isFixed = (flags & HandshakeFlag.FixedNewstyle) !== 0;
    const isShort = (flags & HandshakeFlag.NoZeroes) !== 0;
    for (;;) {
      const header = decodeOptionHeader(await this.#wire.take(optionHeaderBytes, 'an option'));
      if (header instanceof Malformed) {
        this.#must('C14', `no option is where one has to be: ${header.message}`);
        return undefined;
      }
      if (header.length > optionBytesMax) return undefined;
      const payload = await this.#wire.take(header.length, 'the data of an option');
      const outcome = this.#option(header.option, payload, isShort);
      if (outcome !== 'next') return outcome;
    }
  }

  #option(option: number, payload: Uint8Array, isShort: boolean): Agreed | 'next' | undefined {
    if (!this.#isFixed && option !== Option.ExportName)
      this.#must('C5', `${options.name(option)} without FIXED_NEWSTYLE`);
    const odd = this.#quirks.option?.(option);
    const request = parseOptionRequest(option, payload);
    if (request instanceof Malformed)
      this.#must(request.rule === 'S5' ? 'C8' : request.rule, `${options.name(option)}: ${request.message}`);
    if (option === Option.Abort && payload.length > 0) this.#should('C7', 'ABORT carries data');
    if (odd !== undefined) {
      // What the client makes of a wrong answer is its own affair: it cannot be blamed for what it sends now.
      if (odd.some((piece) => piece !== 'close' && !isRefusal(piece))) this.#isConfused = true;
      return this.#send(odd) ? 'next' : undefined;
    }
    this.#wire.send(...(this.#quirks.before?.(option) ?? []));
    if (request instanceof Malformed) return this.#refuse(option, OptionReply.ErrInvalid);
    switch (request?.option) {
      case Option.ExportName: {
        if (this.#mode === 'extended') this.#must('C66', 'EXPORT_NAME after EXTENDED_HEADERS');
        const size = BigInt(exportBytes);
        this.#wire.send(encodeExportNameReply({ size, transmissionFlags: this.#flags }, isShort));
        return this.#agreed(undefined);
      }
      case Option.Abort:
        this.#wire.send(encodeAckReply(option));
        return undefined;
      case Option.List:
        this.#wire.send(encodeServerReply({ name: '', description: '' }), encodeAckReply(option));
        return 'next';
      case Option.StructuredReply:
      case Option.ExtendedHeaders:
        return this.#choose(option);
      case Option.Info:
      case Option.Go:
        return this.#inform(request);
      case Option.SetMetaContext:
      case Option.ListMetaContext:
        return this.#contexts(request);
      default:
        return this.#refuse(option, OptionReply.ErrUnsupported);
    }
  }

  #choose(option: number): 'next' {
    const wanted: HeaderMode = option === Option.StructuredReply ? 'structured' : 'extended';
    if (modes.indexOf(wanted) > modes.indexOf(this.#quirks.mode ?? 'extended')) {
      return this.#refuse(option, OptionReply.ErrUnsupported);
    }
    if (wanted === 'structured' && this.#mode === 'extended') {
      return this.#refuse(option, OptionReply.ErrExtendedHeadersRequired);
    }
    if (wanted === this.#mode) this.#should('C16', `${options.name(option)} is repeated`);
    this.#mode = wanted;
    this.#wire.send(encodeAckReply(option));
    return 'next';
  }

  #inform({ option, infoTypes }: { readonly option: 6 | 7; readonly infoTypes: readonly number[] }): Agreed | 'next' {
    if (new Set(infoTypes).size < infoTypes.length) this.#must('C11', 'the same information is asked for twice');
    const asks = infoTypes.includes(InfoType.BlockSize);
    const { blockSizes } = this.#quirks;
    const sizes = blockSizes ?? (asks ? usualBlockSizes : undefined);
    if (sizes !== undefined) this.#wire.send(encodeInfoReply(option, { kind: 'block-size', blockSizes: sizes }));
    const size = BigInt(exportBytes);
    this.#wire.send(encodeInfoReply(option, { kind: 'export', size, transmissionFlags: this.#flags }));
    this.#wire.send(encodeAckReply(option));
    return option === Option.Go ? this.#agreed(asks ? sizes : undefined) : 'next';
  }

  #contexts(request: { readonly option: 9 | 10; readonly queries: readonly string[] }): 'next' {
    const { option, queries } = request;
    if (this.#mode === 'simple') {
      if (option === Option.SetMetaContext) this.#must('C31', 'SET_META_CONTEXT without structured replies');
      else this.#should('C31', 'LIST_META_CONTEXT without structured replies');
      return this.#refuse(option, OptionReply.ErrInvalid);
    }
    if (queries.some((query) => !/^[^\s:]+:/.test(query))) this.#must('C32', `a query has no namespace`);
    const isListed = option === Option.ListMetaContext && (queries.length === 0 || queries.includes('base:'));
    const isChosen = isListed || queries.includes(baseAllocation);
    if (isChosen) this.#wire.send(encodeMetaContextReply(option, { id: 0, name: baseAllocation }));
    if (option === Option.SetMetaContext) this.#hasContexts = isChosen;
    this.#wire.send(encodeAckReply(option));
    return 'next';
  }

  #refuse(option: number, type: number): 'next' {
    this.#wire.send(encodeErrorReply(option, type));
    return 'next';
  }

  /** Sends what a scenario has; whether the connection goes on. */
  #send(pieces: readonly ReplyPiece[]): boolean {
    return sendPieces(this.#wire, pieces);
  }

  get #flags(): number {
    const { transmissionFlags = usualTransmissionFlags } = this.#quirks;
    const df = this.#mode !== 'simple' && this.#quirks.transmissionFlags === undefined ? TransmissionFlag.SendDf : 0;
    return transmissionFlags | df;
  }

  #agreed(blockSizes: BlockSizes | undefined): Agreed {
    const size = BigInt(exportBytes);
    return { mode: this.#mode, size, transmissionFlags: this.#flags, blockSizes, hasContexts: this.#hasContexts };
  }

  #must(rule: string, text: string): void {
    if (!this.#isConfused) this.#note({ rule, level: 'MUST', text });
  }

  #should(rule: string, text: string): void {
    if (!this.#isConfused) this.#note({ rule, level: 'SHOULD', text });
  }
}

/** Whether an option reply is an error, which a server may always answer with. */
function isRefusal(reply: Uint8Array): boolean {
  const header = decodeOptionReplyHeader(reply.subarray(0, optionReplyHeaderBytes));
  return !(header instanceof Malformed) && isOptionError(header.type);
}

/** Sends the pieces of a reply; whether the connection goes on behind them. */
export function sendPieces(wire: Wire, pieces: readonly ReplyPiece[]): boolean {
  const bytes = pieces.filter((piece): piece is Uint8Array => piece !== 'close');
  if (bytes.length > 0) wire.send(...bytes);
  return !pieces.includes('close');
}
