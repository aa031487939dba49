/** Good words of both sides, put together by our own codecs: more kinds of them than any recorded session has. */
import type { HeaderMode } from '@nbdjs/interfaces';
import {
  ChunkFlag,
  type ChunkFrame,
  Command,
  CommandFlag,
  encodeAckReply,
  encodeBlockStatusChunk,
  encodeBlockStatusPayload,
  encodeClientFlags,
  encodeDataChunkHeader,
  encodeErrorChunk,
  encodeErrorReply,
  encodeGreeting,
  encodeHoleChunk,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeNoneChunk,
  encodeOption,
  encodeOptionRequest,
  encodeServerReply,
  encodeSimpleReply,
  InfoType,
  Option,
  OptionReply,
  type OptionRequest,
  WireError,
  writeExtendedRequest,
  writeRequest,
} from '@nbdjs/protocol';

const text = (words: string): Uint8Array => new TextEncoder().encode(words);
const whole = (...pieces: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pieces));

const fixedNewstyle = encodeClientFlags(3);
const infoTypes = [InfoType.Export, InfoType.Name, InfoType.Description, InfoType.BlockSize];
const queries = ['base:allocation', 'qemu:', 'x:y'];

const everyOption: readonly OptionRequest[] = [
  { option: Option.List },
  { option: Option.StartTls },
  { option: Option.Info, exportName: 'disk', infoTypes },
  { option: Option.StructuredReply },
  { option: Option.ExtendedHeaders },
  { option: Option.ListMetaContext, exportName: 'disk', queries: [] },
  { option: Option.SetMetaContext, exportName: 'disk', queries },
  { option: Option.Go, exportName: 'disk', infoTypes },
];

/** What clients say in the handshake. */
export function optionScripts(): readonly Uint8Array[] {
  const all = everyOption.map(encodeOptionRequest);
  return [
    whole(fixedNewstyle, ...all),
    whole(fixedNewstyle, encodeOption(0x1234, text('what is this?')), encodeOptionRequest({ option: Option.Abort })),
    whole(encodeClientFlags(0), encodeOptionRequest({ option: Option.ExportName, exportName: '' })),
    ...all.map((option) => whole(fixedNewstyle, option)),
  ];
}

/** The way to the transmission phase. */
export function wayIn(mode: HeaderMode): Uint8Array {
  const raise = { simple: [], structured: [Option.StructuredReply], extended: [Option.ExtendedHeaders] }[mode];
  return whole(
    fixedNewstyle,
    ...raise.map((option) => encodeOptionRequest({ option })),
    ...(mode === 'simple' ? [] : [encodeOptionRequest({ option: Option.SetMetaContext, exportName: '', queries })]),
    encodeOptionRequest({ option: Option.Go, exportName: '', infoTypes: [] }),
  );
}

const greeting = encodeGreeting({ style: 'newstyle', handshakeFlags: 3 });
const exportInfo = { kind: 'export', size: 65_536n, transmissionFlags: 0x1ffd } as const;
const blockSizes = { minimum: 1, preferred: 4096, maximum: 2 ** 20 };

/** What a server says when all is granted. */
export function grants(mode: HeaderMode): Uint8Array {
  const go = [
    encodeInfoReply(Option.Go, exportInfo),
    encodeInfoReply(Option.Go, { kind: 'block-size', blockSizes }),
    encodeAckReply(Option.Go),
  ];
  const contexts = [
    encodeMetaContextReply(Option.SetMetaContext, { id: 1, name: 'base:allocation' }),
    encodeAckReply(Option.SetMetaContext),
  ];
  const refused = (option: number): Uint8Array => encodeErrorReply(option, OptionReply.ErrUnsupported, 'no');
  if (mode === 'extended') return whole(greeting, encodeAckReply(Option.ExtendedHeaders), ...contexts, ...go);
  const unsupported = refused(Option.ExtendedHeaders);
  if (mode === 'simple') return whole(greeting, unsupported, refused(Option.StructuredReply), ...go);
  return whole(greeting, unsupported, encodeAckReply(Option.StructuredReply), ...contexts, ...go);
}

/** What servers say in the handshake, in several orders, and to all options. */
export function answerScripts(): readonly Uint8Array[] {
  const { List, Info, Go, ListMetaContext, SetMetaContext } = Option;
  const answers = [
    whole(encodeServerReply({ name: 'disk', description: 'a disk' }), encodeAckReply(List)),
    whole(
      encodeInfoReply(Info, exportInfo),
      encodeInfoReply(Info, { kind: 'name', name: 'disk' }),
      encodeAckReply(Info),
    ),
    whole(encodeMetaContextReply(ListMetaContext, { id: 0, name: 'base:allocation' }), encodeAckReply(ListMetaContext)),
    whole(encodeMetaContextReply(SetMetaContext, { id: 9, name: 'qemu:x' }), encodeAckReply(SetMetaContext)),
    encodeAckReply(Option.StructuredReply),
    encodeAckReply(Option.ExtendedHeaders),
    encodeAckReply(Option.StartTls),
    encodeErrorReply(Go, OptionReply.ErrUnknown, 'no such export'),
    encodeErrorReply(Go, OptionReply.ErrUnsupported),
  ];
  return [
    ...(['simple', 'structured', 'extended'] as const).map(grants),
    encodeGreeting({ style: 'oldstyle', size: 65_536n, handshakeFlags: 0, transmissionFlags: 1 }),
    ...answers.map((answer) => whole(greeting, answer)),
    whole(greeting, ...answers),
  ];
}

interface Asked {
  readonly type: number;
  readonly flags?: number;
  readonly offset?: number;
  readonly length?: number;
  readonly payload?: Uint8Array;
}

function encodeAsked(
  mode: HeaderMode,
  { type, flags = 0, offset = 0, length, payload }: Asked,
  cookie: number,
): Uint8Array {
  const isExtended = mode === 'extended';
  const header = new Uint8Array(isExtended ? 32 : 28);
  const view = new DataView(header.buffer);
  const lengthLow = length ?? payload?.length ?? 0;
  if (isExtended) writeExtendedRequest(view, 0, flags, type, 0, cookie, 0, offset, 0, lengthLow);
  else writeRequest(view, 0, flags, type, 0, cookie, 0, offset, lengthLow);
  return payload === undefined ? header : whole(header, payload);
}

/** Requests of every kind. */
export function requestScripts(mode: HeaderMode): readonly Uint8Array[] {
  const payload = new Uint8Array(1000).fill(7);
  const flags = mode === 'extended' ? CommandFlag.PayloadLen : 0;
  const filter = encodeBlockStatusPayload(65_536n, [1]);
  const asked: readonly Asked[] = [
    { type: Command.Read, length: 4096 },
    { type: Command.Write, flags, offset: 4096, payload },
    { type: Command.Write, flags: flags | CommandFlag.Fua, offset: 60_000, payload },
    { type: Command.Flush },
    { type: Command.Trim, offset: 8192, length: 4096 },
    { type: Command.WriteZeroes, flags: CommandFlag.NoHole, offset: 100, length: 10_000 },
    { type: Command.WriteZeroes, flags: CommandFlag.FastZero, offset: 0, length: 65_536 },
    { type: Command.Cache, length: 65_536 },
    { type: Command.BlockStatus, length: 65_536 },
    { type: Command.BlockStatus, flags: CommandFlag.ReqOne, length: 65_536 },
    ...(mode === 'extended' ? [{ type: Command.BlockStatus, flags: CommandFlag.PayloadLen, payload: filter }] : []),
    { type: Command.Read, flags: mode === 'simple' ? 0 : CommandFlag.Df, length: 65_536 },
    { type: Command.Resize, offset: 65_536 },
    { type: Command.Disconnect },
  ];
  const all = asked.map((one, index) => encodeAsked(mode, one, index + 1));
  return [whole(...all), ...all];
}

/** Replies of every kind. Their cookies are filled in when it is known what was asked for. */
export function replyScripts(mode: HeaderMode): readonly Uint8Array[] {
  const cookie = { high: 0, low: 0 };
  if (mode === 'simple') {
    const data = whole(encodeSimpleReply(cookie, 0), new Uint8Array(4096));
    const done = encodeSimpleReply(cookie, 0);
    return [data, done, encodeSimpleReply(cookie, WireError.Eio), whole(data, done, done, data)];
  }
  const frame = (flags: number): ChunkFrame =>
    mode === 'extended' ? { cookie, flags, requestOffset: 0n } : { cookie, flags };
  const done = ChunkFlag.Done;
  const extents = [
    { length: 4096n, status: 0n },
    { length: 61_440n, status: 3n },
  ];
  const data = (flags: number, length: number, offset: bigint): Uint8Array =>
    whole(encodeDataChunkHeader(frame(flags), offset, length), new Uint8Array(length));
  const all = [
    data(done, 4096, 0n),
    whole(data(0, 2048, 2048n), encodeHoleChunk(frame(done), 0n, 2048)),
    whole(data(0, 512, 0n), data(0, 512, 1024n), data(0, 512, 512n), encodeNoneChunk(frame(done))),
    encodeNoneChunk(frame(done)),
    encodeBlockStatusChunk(frame(done), 1, extents),
    encodeErrorChunk(frame(done), WireError.Eio, text('it is broken')),
    whole(encodeErrorChunk(frame(0), WireError.Enospc, text('here'), 100n), encodeNoneChunk(frame(done))),
    encodeErrorChunk(frame(done), WireError.Eshutdown, text('good-bye')),
    ...(mode === 'structured' ? [encodeSimpleReply(cookie, 0), encodeSimpleReply(cookie, WireError.Eperm)] : []),
  ];
  return [...all, whole(...all), whole(...[...all].reverse())];
}
