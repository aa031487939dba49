/** A small NBD server up to the transmission phase, made of our own codecs for the server's direction. */
import type { BlockSizes } from '@nbdjs/interfaces';
import {
  ByteAssembler,
  decodeClientFlags,
  decodeOptionHeader,
  encodeAckReply,
  encodeErrorReply,
  encodeExportNameReply,
  encodeGreeting,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeServerReply,
  HandshakeFlag,
  InfoType,
  type KnownInfo,
  Malformed,
  Option,
  OptionReply,
  type OptionRequest,
  optionHeaderBytes,
  parseOptionRequest,
} from '@nbdjs/protocol';
import { concat } from './hex.ts';

export interface ScriptedExport {
  readonly size: bigint;
  readonly transmissionFlags?: number;
  readonly description?: string;
  readonly blockSizes?: BlockSizes;
  readonly contexts?: readonly string[];
}

export interface ServerSettings {
  /** @default 'newstyle-fixed' */
  readonly style?: 'oldstyle' | 'newstyle' | 'newstyle-fixed';
  /** @default true */
  readonly noZeroes?: boolean;
  /** The three modes of "TLS support". @default 'off' */
  readonly tls?: 'off' | 'allow' | 'require';
  readonly exports?: Readonly<Record<string, ScriptedExport>>;
  /** Error replies by option. */
  readonly refuse?: Readonly<Record<number, number>>;
}

export class ScriptedServer {
  readonly #settings: ServerSettings;
  readonly #exports: ReadonlyMap<string, ScriptedExport>;
  readonly #assembler = new ByteAssembler(65_536);
  readonly #words: Uint8Array[] = [];
  #awaited: 'flags' | 'header' | number = 'flags';
  #selected: { readonly exportName: string; readonly names: readonly string[] } | undefined;
  /** What the client agreed on. */
  clientFlags = 0;
  tls = false;
  upgrading = false;
  mode: 'simple' | 'structured' | 'extended' = 'simple';
  /** Whether the server has hung up. */
  hungUp = false;
  /** Whether an export was opened; this server ignores what follows. */
  inTransmission = false;
  /** Options that arrived, in order. */
  readonly asked: number[] = [];

  constructor(settings: ServerSettings = {}) {
    this.#settings = settings;
    this.#exports = new Map(Object.entries(settings.exports ?? { '': { size: 1_048_576n } }));
    const { style = 'newstyle-fixed', noZeroes = true } = settings;
    const fixed = style === 'newstyle-fixed' ? HandshakeFlag.FixedNewstyle : 0;
    const { size, transmissionFlags = 1 } = this.#exports.get('') ?? { size: 0n };
    this.#words.push(
      style === 'oldstyle'
        ? encodeGreeting({ style, size, handshakeFlags: 0, transmissionFlags })
        : encodeGreeting({ style: 'newstyle', handshakeFlags: fixed | (noZeroes ? HandshakeFlag.NoZeroes : 0) }),
    );
    this.#assembler.expect(4);
  }

  /** What the server sends; empties the queue. */
  speak(): Uint8Array {
    return concat(this.#words.splice(0));
  }

  /** The transport has upgraded: everything agreed on in clear text is void (S27). */
  upgraded(): void {
    this.tls = true;
    this.upgrading = false;
    this.mode = 'simple';
    this.#selected = undefined;
  }

  hear(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0 && !this.hungUp && !this.inTransmission) {
      const target = this.#assembler.writable();
      const piece = rest.subarray(0, target.length);
      target.set(piece);
      this.#assembler.advance(piece.length);
      rest = rest.subarray(piece.length);
      while (this.#assembler.missing === 0 && !this.hungUp) this.#digest(this.#assembler.take());
    }
  }

  #digest(message: Uint8Array): void {
    if (this.#awaited === 'flags') {
      this.clientFlags = decodeClientFlags(message);
      this.#expectOption();
    } else if (this.#awaited === 'header') {
      const header = decodeOptionHeader(message);
      if (header instanceof Malformed) throw new Error(`client is out of sync: ${header.message}`);
      this.asked.push(header.option);
      this.#awaited = header.option;
      this.#assembler.expect(header.length);
    } else {
      const option = this.#awaited;
      const payload = message.slice();
      this.#expectOption();
      this.#answer(option, payload);
    }
  }

  #expectOption(): void {
    this.#awaited = 'header';
    this.#assembler.expect(optionHeaderBytes);
  }

  #answer(option: number, payload: Uint8Array): void {
    const refusal = this.#refusal(option);
    if (refusal !== undefined) {
      this.#words.push(encodeErrorReply(option, refusal, 'as scripted'));
      return;
    }
    const request = parseOptionRequest(option, payload);
    if (request === undefined) {
      this.#words.push(encodeErrorReply(option, OptionReply.ErrUnsupported));
    } else if (request instanceof Malformed) {
      this.#words.push(encodeErrorReply(option, OptionReply.ErrInvalid, request.message));
    } else {
      this.#grant(request);
    }
  }

  #refusal(option: number): number | undefined {
    const { refuse = {}, tls = 'off' } = this.#settings;
    if (tls === 'require' && !this.tls && option !== Option.StartTls && option !== Option.Abort) {
      return OptionReply.ErrTlsRequired;
    }
    if (tls === 'off' && option === Option.StartTls) return OptionReply.ErrUnsupported;
    return refuse[option];
  }

  #grant(request: OptionRequest): void {
    const { option } = request;
    switch (option) {
      case Option.ExportName:
        this.#open(request.exportName);
        return;
      case Option.Abort:
        this.#words.push(encodeAckReply(option));
        this.hungUp = true;
        return;
      case Option.List:
        for (const [name, { description = '' }] of this.#exports) {
          this.#words.push(encodeServerReply({ name, description }));
        }
        break;
      case Option.StartTls:
        this.upgrading = true;
        break;
      case Option.ExtendedHeaders:
        this.mode = 'extended';
        break;
      case Option.StructuredReply:
        this.mode = 'structured';
        break;
      case Option.Info:
      case Option.Go:
        if (!this.#describe(option, request.exportName, request.infoTypes)) return;
        this.inTransmission = option === Option.Go;
        break;
      case Option.ListMetaContext:
      case Option.SetMetaContext:
        this.#contexts(option, request.exportName, request.queries);
        break;
    }
    this.#words.push(encodeAckReply(option));
  }

  #open(exportName: string): void {
    const found = this.#exports.get(exportName);
    if (found === undefined || (this.#settings.tls === 'require' && !this.tls)) {
      this.hungUp = true;
      return;
    }
    this.inTransmission = true;
    const noZeroes = (this.clientFlags & HandshakeFlag.NoZeroes) !== 0;
    this.#words.push(
      encodeExportNameReply({ size: found.size, transmissionFlags: found.transmissionFlags ?? 1 }, noZeroes),
    );
  }

  #describe(option: typeof Option.Info | typeof Option.Go, exportName: string, infoTypes: readonly number[]): boolean {
    const found = this.#exports.get(exportName);
    if (found === undefined) {
      this.#words.push(encodeErrorReply(option, OptionReply.ErrUnknown, 'never heard of it'));
      return false;
    }
    const infos: KnownInfo[] = [{ kind: 'export', size: found.size, transmissionFlags: found.transmissionFlags ?? 1 }];
    if (infoTypes.includes(InfoType.Name)) infos.push({ kind: 'name', name: exportName });
    if (infoTypes.includes(InfoType.Description)) {
      infos.push({ kind: 'description', description: found.description ?? '' });
    }
    if (found.blockSizes !== undefined) infos.push({ kind: 'block-size', blockSizes: found.blockSizes });
    for (const info of infos) this.#words.push(encodeInfoReply(option, info));
    return true;
  }

  #contexts(
    option: typeof Option.ListMetaContext | typeof Option.SetMetaContext,
    exportName: string,
    queries: readonly string[],
  ): void {
    const offered = this.#exports.get(exportName)?.contexts ?? [];
    const all = option === Option.ListMetaContext && queries.length === 0;
    const names = offered.filter((name) => all || queries.includes(name));
    names.forEach((name, index) => {
      const id = option === Option.SetMetaContext ? 10 + index : 0;
      this.#words.push(encodeMetaContextReply(option, { id, name }));
    });
    if (option === Option.SetMetaContext) this.#selected = { exportName, names };
  }

  /** The contexts in effect for an export. */
  selectedFor(exportName: string): readonly string[] {
    return this.#selected?.exportName === exportName ? this.#selected.names : [];
  }
}
