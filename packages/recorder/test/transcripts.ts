/** Sessions as they pass on the wire: pieces of both sides in a possible order. */
import { concatenate } from '@nbdjs/kit';
import {
  ChunkFlag,
  ChunkType,
  Command,
  CommandFlag,
  encodeAckReply,
  encodeBlockStatusChunk,
  encodeBlockStatusPayload,
  encodeChunk,
  encodeClientFlags,
  encodeDataChunkHeader,
  encodeErrorChunk,
  encodeErrorReply,
  encodeExportNameReply,
  encodeGreeting,
  encodeHoleChunk,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeNoneChunk,
  encodeOption,
  encodeOptionReply,
  encodeOptionRequest,
  encodeServerReply,
  encodeSimpleReply,
  Option,
  OptionReply,
  writeExtendedRequest,
  writeRequest,
} from '@nbdjs/protocol';
import type { Side } from '../src/index.ts';

export type Piece = readonly [side: Side, bytes: Uint8Array];

export const client = (bytes: Uint8Array): Piece => ['client', bytes];
export const server = (bytes: Uint8Array): Piece => ['server', bytes];

export function pattern(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index + (index >> 8) * 3 + seed) & 0xff);
}

export function request(type: number, cookie: number, offset: number, length: number, flags = 0): Uint8Array {
  const bytes = new Uint8Array(28);
  writeRequest(new DataView(bytes.buffer), 0, flags, type, 7, cookie, 0, offset, length);
  return bytes;
}

function extendedRequest(type: number, cookie: number, offset: number, length: number, flags = 0): Uint8Array {
  const bytes = new Uint8Array(32);
  writeExtendedRequest(new DataView(bytes.buffer), 0, flags, type, 7, cookie, 0, offset, 0, length);
  return bytes;
}

export const cookie = (low: number) => ({ high: 7, low });

const greeting = server(encodeGreeting({ style: 'newstyle', handshakeFlags: 3 }));
const flags = client(encodeClientFlags(3));

/** Beginning with EXPORT_NAME, as old clients do, and simple replies, one of them out of order. */
export const oldClient: readonly Piece[] = [
  server(encodeGreeting({ style: 'newstyle', handshakeFlags: 1 })),
  client(encodeClientFlags(1)),
  client(encodeOptionRequest({ option: Option.ExportName, exportName: 'disk' })),
  server(encodeExportNameReply({ size: 1n << 20n, transmissionFlags: 0x65 }, false)),
  client(request(Command.Read, 1, 4096, 1000)),
  client(request(Command.Write, 2, 0, 70_000, CommandFlag.Fua)),
  client(pattern(70_000)),
  client(request(Command.Read, 3, 8192, 512)),
  server(encodeSimpleReply(cookie(3), 0)),
  server(pattern(512, 3)),
  server(encodeSimpleReply(cookie(2), 0)),
  server(encodeSimpleReply(cookie(1), 5)),
  client(request(Command.Flush, 4, 0, 0)),
  server(encodeSimpleReply(cookie(4), 0)),
  client(request(Command.Disconnect, 5, 0, 0)),
];

const negotiation: readonly Piece[] = [
  greeting,
  flags,
  client(encodeOption(Option.StructuredReply)),
  server(encodeAckReply(Option.StructuredReply)),
  client(encodeOption(Option.List)),
  server(encodeServerReply({ name: 'disk', description: 'of a test' })),
  server(encodeAckReply(Option.List)),
  client(
    encodeOptionRequest({ option: Option.SetMetaContext, exportName: 'disk', queries: ['base:allocation', 'x-y:'] }),
  ),
  server(encodeMetaContextReply(Option.SetMetaContext, { id: 17, name: 'base:allocation' })),
  server(encodeAckReply(Option.SetMetaContext)),
  client(encodeOption(77, pattern(300))),
  server(encodeErrorReply(77, OptionReply.ErrUnsupported, 'no such option')),
];

const opening: readonly Piece[] = [
  client(encodeOptionRequest({ option: Option.Go, exportName: 'disk', infoTypes: [3] })),
  server(encodeInfoReply(Option.Go, { kind: 'export', size: 1n << 30n, transmissionFlags: 0x5ed })),
  server(
    encodeInfoReply(Option.Go, {
      kind: 'block-size',
      blockSizes: { minimum: 1, preferred: 4096, maximum: 32 * 2 ** 20 },
    }),
  ),
  server(encodeOptionReply(Option.Go, OptionReply.Info, Uint8Array.of(0x12, 0x34, 1, 2))),
  server(encodeAckReply(Option.Go)),
];

/** With structured replies: data, holes, errors, extents, and a chunk of an unknown type. */
export const structured: readonly Piece[] = [
  ...negotiation,
  ...opening,
  client(request(Command.Read, 1, 0, 8192)),
  server(encodeDataChunkHeader({ cookie: cookie(1), flags: 0 }, 0n, 4096)),
  server(pattern(4096)),
  server(encodeHoleChunk({ cookie: cookie(1), flags: 0 }, 4096n, 4096)),
  server(encodeNoneChunk({ cookie: cookie(1), flags: ChunkFlag.Done })),
  client(request(Command.BlockStatus, 2, 0, 2 ** 20, CommandFlag.ReqOne)),
  server(
    encodeBlockStatusChunk({ cookie: cookie(2), flags: ChunkFlag.Done }, 17, [
      { length: 65_536n, status: 0n },
      { length: 983_040n, status: 3n },
    ]),
  ),
  client(request(Command.Trim, 3, 65_536, 65_536)),
  server(encodeErrorChunk({ cookie: cookie(3), flags: ChunkFlag.Done }, 28, new TextEncoder().encode('full'), 65_536n)),
  client(request(99, 4, 1, 2)),
  server(encodeChunk({ cookie: cookie(4), flags: 0 }, 1234, pattern(99))),
  server(encodeChunk({ cookie: cookie(4), flags: ChunkFlag.Done }, ChunkType.None, new Uint8Array(0))),
  client(request(Command.Disconnect, 5, 0, 0)),
];

/** With extended headers, and a block status that is narrowed to a context. */
export const extended: readonly Piece[] = [
  greeting,
  flags,
  client(encodeOption(Option.ExtendedHeaders)),
  server(encodeAckReply(Option.ExtendedHeaders)),
  ...opening,
  client(
    concatenate([
      extendedRequest(Command.BlockStatus, 1, 0, 12, CommandFlag.PayloadLen),
      encodeBlockStatusPayload(1n << 29n, [17]),
    ]),
  ),
  server(
    encodeBlockStatusChunk({ cookie: cookie(1), flags: ChunkFlag.Done, requestOffset: 0n }, 17, [
      { length: 1n << 33n, status: 1n << 40n },
    ]),
  ),
  client(extendedRequest(Command.Write, 2, 512, 512, CommandFlag.PayloadLen)),
  client(pattern(512)),
  server(encodeNoneChunk({ cookie: cookie(2), flags: ChunkFlag.Done, requestOffset: 512n })),
];

/** TLS begins, and nothing behind it can be read. */
const encrypted: readonly Piece[] = [
  greeting,
  flags,
  client(encodeOption(Option.StartTls)),
  server(encodeAckReply(Option.StartTls)),
  client(Uint8Array.of(0x16, 3, 1, ...pattern(300))),
  server(pattern(500)),
  client(pattern(100)),
];

/** An oldstyle server. */
export const oldstyle: readonly Piece[] = [
  server(encodeGreeting({ style: 'oldstyle', size: 1n << 20n, handshakeFlags: 0, transmissionFlags: 3 })),
  client(request(Command.Read, 1, 0, 100)),
  server(encodeSimpleReply(cookie(1), 0)),
  server(pattern(100)),
];

/** A client that speaks HTTP, and a server that does not care. */
const foreign: readonly Piece[] = [
  greeting,
  client(new TextEncoder().encode('GET / HTTP/1.1\r\nHost: nbd\r\n\r\n')),
  server(encodeErrorReply(Option.Go, OptionReply.ErrInvalid, 'what?')),
  server(pattern(50, 9)),
];

/** A client whose last message is not complete, and a reply to no request. */
const torn: readonly Piece[] = [
  ...oldstyle,
  server(encodeSimpleReply(cookie(9), 0)),
  client(request(Command.Write, 2, 0, 100).subarray(0, 11)),
];

/** By name. */
export const transcripts: Readonly<Record<string, readonly Piece[]>> = {
  oldClient,
  structured,
  extended,
  encrypted,
  oldstyle,
  foreign,
  torn,
};
