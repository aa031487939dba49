/** The server's half of the handshake, as it reads in the specification: greeting, options, and on to transmission. */
import { type HeaderMode, ProtocolError, type SelectedContext } from '@nbdjs/interfaces';
import {
  decodeClientFlags,
  decodeOptionHeader,
  encodeAckReply,
  encodeErrorReply,
  encodeExportNameReply,
  encodeGreeting,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeServerReply,
  GreetingBytes,
  HandshakeFlag,
  type InfoOption,
  InfoType,
  type KnownInfo,
  Malformed,
  type MetaContextOption,
  Option,
  type OptionHeader,
  OptionReply,
  type OptionRequest,
  optionHeaderBytes,
  options,
  parseOptionRequest,
  quoted,
} from '@nbdjs/protocol';
import { nextList, nextOffer, receive, type ServerHandshakeEvent, type ServerStep, skip } from './events.ts';
import { type ExportOffer, flagsOnWire, type Refusal, refusalTypes, type ServedFacts } from './offer.ts';
import { listContexts, selectContexts } from './queries.ts';
import type { ServerHandshakeSettings } from './settings.ts';
import { strangerBehind } from './strangers.ts';

/** A longer option cannot be meant well (G6). */
const optionBytesHardMax = 2 ** 25;

const knownClientFlags = HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes;

/** How the handshake came out. */
export type Outcome = { readonly facts: ServedFacts; readonly offer: ExportOffer } | 'left';

export class ServerScript {
  readonly output: Uint8Array[] = [];
  readonly events: ServerHandshakeEvent[] = [];
  /** From now on everything but `ABORT` is refused (S18). */
  isShuttingDown = false;
  /** What the client is expected to do, for messages. */
  activity = 'answering the greeting';
  /** Things that the client had to do, and has done: answering the greeting, sending an option, setting up TLS. */
  stepsDone = 0;
  readonly #settings: ServerHandshakeSettings;
  #isFixed = false;
  #noZeroes = false;
  #tls = false;
  #mode: HeaderMode = 'simple';
  /** Payload of all options so far. */
  #optionsBytes = 0;
  /** The result of the last `SET_META_CONTEXT`; it counts only for the export that it was asked for. */
  #selection: { readonly exportName: string; readonly contexts: readonly SelectedContext[] } | undefined;

  constructor(settings: ServerHandshakeSettings) {
    this.#settings = settings;
  }

  run(): ServerStep<Outcome> {
    return this.#settings.style === 'oldstyle' ? this.#oldstyle() : this.#newstyle();
  }

  /** One export, told of at once ("Oldstyle negotiation"); there is nothing to choose, and no way to refuse but to hang up. */
  *#oldstyle(): ServerStep<Outcome> {
    this.activity = 'waiting for the export';
    const answer = yield* this.#ask('', 'open');
    if ('refusal' in answer) throw violation('export-refused', 'the default export is not there', 'S6');
    const { facts, offer } = this.#open('', answer, false);
    const { size, transmissionFlags } = facts;
    this.output.push(encodeGreeting({ style: 'oldstyle', size, handshakeFlags: 0, transmissionFlags }));
    return { facts: { ...facts, style: 'oldstyle' }, offer };
  }

  *#newstyle(): ServerStep<Outcome> {
    const handshakeFlags = HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes;
    this.output.push(encodeGreeting({ style: 'newstyle', handshakeFlags }));
    const flags = decodeClientFlags(yield* receive(GreetingBytes.clientFlags));
    if ((flags & ~knownClientFlags) !== 0) {
      const stranger = strangerBehind(flags);
      const message = `client set the unknown handshake flags 0x${flags.toString(16)}`;
      throw violation('unknown-client-flags', stranger === undefined ? message : `${message}: ${stranger}`, 'S2');
    }
    this.#isFixed = (flags & HandshakeFlag.FixedNewstyle) !== 0;
    this.#noZeroes = (flags & HandshakeFlag.NoZeroes) !== 0;
    for (let count = 0; count < this.#settings.limits.optionsMax; count++) {
      this.activity = 'choosing an option';
      this.stepsDone++;
      const outcome = yield* this.#option();
      if (outcome !== undefined) return outcome;
    }
    throw violation('too-many-options', `client sent more than ${this.#settings.limits.optionsMax} options`, 'G6');
  }

  /** One option, and its answer. */
  *#option(): ServerStep<Outcome | undefined> {
    const header = decodeOptionHeader(yield* receive(optionHeaderBytes));
    if (header instanceof Malformed) throw violation(header.violation, header.message, header.rule);
    // Even a command that fails undoes the selection, whoever refuses it and why (S34).
    if (header.option === Option.SetMetaContext) this.#selection = undefined;
    const name = options.name(header.option);
    if (this.#settings.trace.enabled) this.#settings.trace.emit('option', { option: name, length: header.length });
    this.activity = `sending option ${name}`;
    if (header.length > optionBytesHardMax) {
      throw violation('option-too-long', `option ${name} has ${header.length} bytes of payload`, 'G6');
    }
    this.#optionsBytes += header.length;
    const { optionsBytesMax } = this.#settings.limits;
    if (this.#optionsBytes > optionsBytesMax) {
      throw violation('options-too-long', `the options have more than ${optionsBytesMax} bytes of payload`, 'G6');
    }
    if (!this.#isFixed && header.option !== Option.ExportName) {
      const message = `option ${name} from a client that does not know the fixed newstyle handshake`;
      throw violation('option-not-fixed', message, 'S22');
    }
    if (header.length > this.#settings.limits.optionBytesMax) {
      return yield* this.#overlong(header);
    }
    const payload = yield* receive(header.length);
    this.activity = `waiting for the answer to option ${name}`;
    if (header.option === Option.Abort) {
      this.output.push(encodeAckReply(header.option));
      return 'left';
    }
    const lacksTls = this.#settings.tls === 'forced' && !this.#tls && header.option !== Option.StartTls;
    if (header.option === Option.ExportName) {
      if (lacksTls) throw violation('export-name-without-tls', 'option EXPORT_NAME without TLS', 'S20');
      return yield* this.#exportName(payload);
    }
    if (this.isShuttingDown) this.#refuse(header.option, OptionReply.ErrShutdown, 'the server is shutting down');
    else if (lacksTls) this.#refuse(header.option, OptionReply.ErrTlsRequired, `option ${name} needs TLS first`);
    else return yield* this.#answer(header, payload);
    return undefined;
  }

  /** Too long to be kept, and the stream stays in step. */
  *#overlong({ option, length }: OptionHeader): ServerStep<undefined> {
    yield* skip(length);
    if (option === Option.ExportName) throw violation('text-too-long', `an export name of ${length} bytes`, 'G2');
    const text = `option ${options.name(option)} has ${length} bytes, at most ${this.#settings.limits.optionBytesMax} are taken`;
    this.#refuse(option, OptionReply.ErrTooBig, text);
    return undefined;
  }

  *#answer({ option }: OptionHeader, payload: Uint8Array): ServerStep<Outcome | undefined> {
    const request = parseOptionRequest(option, payload, this.#settings.limits.contextQueriesMax);
    if (request === undefined) {
      this.#refuse(option, OptionReply.ErrUnsupported, `option ${options.name(option)} is not supported`);
      return undefined;
    }
    if (request instanceof Malformed) {
      this.#refuse(option, OptionReply.ErrInvalid, request.message);
      return undefined;
    }
    switch (request.option) {
      case Option.List:
        yield* this.#list();
        return undefined;
      case Option.StartTls:
        yield* this.#startTls();
        return undefined;
      case Option.StructuredReply:
      case Option.ExtendedHeaders:
        this.#raise(request.option);
        return undefined;
      case Option.Info:
      case Option.Go:
        return yield* this.#info(request);
      case Option.ListMetaContext:
      case Option.SetMetaContext:
        yield* this.#contexts(request);
        return undefined;
      default:
        this.#refuse(option, OptionReply.ErrUnsupported, `option ${options.name(option)} is not supported`);
        return undefined;
    }
  }

  *#exportName(payload: Uint8Array): ServerStep<Outcome> {
    const request = parseOptionRequest(Option.ExportName, payload);
    if (request instanceof Malformed) throw violation(request.violation, request.message, request.rule);
    if (this.#mode === 'extended') {
      throw violation('export-name-in-extended-mode', 'option EXPORT_NAME after EXTENDED_HEADERS', 'S68');
    }
    const exportName = request !== undefined && 'exportName' in request ? request.exportName : '';
    const answer = this.isShuttingDown ? ({ refusal: 'shutdown' } as const) : yield* this.#ask(exportName, 'open');
    // There is no way to refuse but to hang up (S6, S28).
    if ('refusal' in answer || this.#isHidden(answer)) {
      throw violation('export-refused', `client asked for export ${quoted(exportName)} by EXPORT_NAME`, 'S6');
    }
    const outcome = this.#open(exportName, answer, false);
    const { size, transmissionFlags } = outcome.facts;
    this.output.push(encodeExportNameReply({ size, transmissionFlags }, this.#noZeroes));
    return outcome;
  }

  *#info(request: InfoRequest): ServerStep<Outcome | undefined> {
    const { option, exportName, infoTypes } = request;
    const offer = yield* this.#ask(exportName, option === Option.Go ? 'open' : 'info');
    if (this.#refused(option, exportName, offer)) return undefined;
    const knowsBlockSizes = infoTypes.includes(InfoType.BlockSize);
    const outcome = this.#open(exportName, offer, knowsBlockSizes);
    const { size } = offer;
    // For INFO nothing is chosen yet, so that everything is still possible (S73).
    const transmissionFlags =
      option === Option.Go ? outcome.facts.transmissionFlags : flagsOnWire(offer, this.#mode, true);
    const infos: KnownInfo[] = [{ kind: 'export', size, transmissionFlags }];
    if (infoTypes.includes(InfoType.Name)) infos.push({ kind: 'name', name: offer.canonicalName ?? exportName });
    if (offer.description) infos.push({ kind: 'description', description: offer.description });
    if (offer.blockSizes !== undefined) infos.push({ kind: 'block-size', blockSizes: offer.blockSizes });
    for (const info of infos) this.output.push(encodeInfoReply(option, info));
    this.output.push(encodeAckReply(option));
    return option === Option.Go ? outcome : undefined;
  }

  *#list(): ServerStep<void> {
    this.events.push({ type: 'list-wanted' });
    const answer = yield* nextList();
    if ('refusal' in answer) {
      this.#refuse(Option.List, refusalTypes[answer.refusal], answer.text ?? 'exports are not listed');
      return;
    }
    for (const entry of answer) this.output.push(encodeServerReply(entry));
    this.output.push(encodeAckReply(Option.List));
  }

  *#startTls(): ServerStep<void> {
    if (this.#settings.tls === 'none') {
      this.#refuse(Option.StartTls, OptionReply.ErrPolicy, 'TLS is not configured');
    } else if (this.#tls) {
      this.#refuse(Option.StartTls, OptionReply.ErrInvalid, 'TLS is running already');
    } else {
      this.output.push(encodeAckReply(Option.StartTls));
      this.events.push({ type: 'tls-upgrade' });
      this.activity = 'setting up TLS';
      yield { type: 'upgrade' };
      this.#tls = true;
      this.stepsDone++;
      // What was said in clear text counts for nothing (S27, S78).
      this.#mode = 'simple';
      this.#selection = undefined;
    }
  }

  /** Structured replies, extended headers. */
  #raise(option: typeof Option.StructuredReply | typeof Option.ExtendedHeaders): void {
    const wanted = option === Option.StructuredReply ? 'structured' : 'extended';
    const isOffered = this.#settings.mode === 'extended' || this.#settings.mode === wanted;
    if (!isOffered) {
      this.#refuse(option, OptionReply.ErrUnsupported, `option ${options.name(option)} is switched off`);
    } else if (wanted === this.#mode) {
      this.#refuse(option, OptionReply.ErrInvalid, `option ${options.name(option)} is agreed on already`);
    } else if (this.#mode === 'extended') {
      const text = 'extended headers are agreed on, which include structured replies';
      this.#refuse(option, OptionReply.ErrExtendedHeadersRequired, text);
    } else {
      this.#mode = wanted;
      this.output.push(encodeAckReply(option));
    }
  }

  *#contexts({ option, exportName, queries }: MetaContextRequest): ServerStep<void> {
    const isSet = option === Option.SetMetaContext;
    if (isSet && this.#mode === 'simple') {
      const text = 'contexts need structured replies or extended headers first';
      this.#refuse(option, OptionReply.ErrInvalid, text);
      return;
    }
    const offer = yield* this.#ask(exportName, 'contexts');
    if (this.#refused(option, exportName, offer)) return;
    const names = (isSet ? selectContexts : listContexts)(offer.contexts, queries);
    const { contextsMax } = this.#settings.limits;
    if (isSet && names.length > contextsMax) {
      const text = `${names.length} contexts are too many, at most ${contextsMax} can be selected`;
      this.#refuse(option, OptionReply.ErrTooBig, text);
      return;
    }
    const contexts = names.map((name) => ({ name, id: isSet ? offer.contexts.indexOf(name) + 1 : 0 }));
    for (const context of contexts) this.output.push(encodeMetaContextReply(option, context));
    this.output.push(encodeAckReply(option));
    if (isSet) this.#selection = { exportName, contexts };
  }

  *#ask(exportName: string, purpose: 'open' | 'info' | 'contexts'): ServerStep<ExportOffer | Refusal> {
    this.events.push({ type: 'export-wanted', exportName, purpose });
    return yield* nextOffer();
  }

  #open(exportName: string, offer: ExportOffer, knowsBlockSizes: boolean) {
    const contexts = this.#selection?.exportName === exportName ? this.#selection.contexts : [];
    const facts: ServedFacts = {
      style: this.#isFixed ? 'newstyle-fixed' : 'newstyle',
      mode: this.#mode,
      tls: this.#tls,
      exportName,
      canonicalName: offer.canonicalName,
      description: offer.description,
      size: offer.size,
      transmissionFlags: flagsOnWire(offer, this.#mode, contexts.length > 0),
      blockSizes: offer.blockSizes,
      contexts,
      knowsBlockSizes,
    };
    return { facts, offer };
  }

  #refused(option: number, exportName: string, answer: ExportOffer | Refusal): answer is Refusal {
    if ('refusal' in answer) {
      const text = answer.text ?? `export ${quoted(exportName)} not present`;
      this.#refuse(option, refusalTypes[answer.refusal], text);
      return true;
    }
    if (!this.#isHidden(answer)) return false;
    this.#refuse(option, OptionReply.ErrTlsRequired, `export ${quoted(exportName)} needs TLS first`);
    return true;
  }

  #isHidden(offer: ExportOffer): boolean {
    return this.#settings.tls === 'selective' && !this.#tls && offer.tlsOnly === true;
  }

  #refuse(option: number, type: number, text: string): void {
    this.output.push(encodeErrorReply(option, type, text));
  }
}

type InfoRequest = Extract<OptionRequest, { readonly option: InfoOption }>;
type MetaContextRequest = Extract<OptionRequest, { readonly option: MetaContextOption }>;

function violation(name: string, message: string, rule: string): ProtocolError {
  return new ProtocolError(name, message, { phase: 'option', rule });
}
