/** Recorded sessions of real peers: what each side said, in pieces, in order. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { HeaderMode } from '@nbdjs/interfaces';
import { HandshakeMagic, Option, OptionReply } from '@nbdjs/protocol';

export interface SessionPiece {
  readonly from: 'client' | 'server';
  readonly bytes: Uint8Array;
}

export const corpusFolder = fileURLToPath(new URL('../corpus/', import.meta.url));

const pieceHeaderBytes = 5;

/** Each piece as one byte for its side, four for its length, and its bytes. */
export function encodeSession(pieces: readonly SessionPiece[]): Uint8Array {
  const chunks = pieces.map(({ from, bytes }) => {
    const header = Buffer.alloc(pieceHeaderBytes);
    header.writeUInt8(from === 'client' ? 0x43 : 0x53, 0);
    header.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([header, bytes]);
  });
  return Buffer.concat(chunks);
}

export function decodeSession(file: Uint8Array): readonly SessionPiece[] {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const pieces: SessionPiece[] = [];
  for (let position = 0; position < file.length; ) {
    const length = view.getUint32(position + 1);
    const start = position + pieceHeaderBytes;
    pieces.push({
      from: file[position] === 0x43 ? 'client' : 'server',
      bytes: new Uint8Array(file.subarray(start, start + length)),
    });
    position = start + length;
  }
  return pieces;
}

export interface Session {
  readonly name: string;
  readonly client: Uint8Array;
  readonly server: Uint8Array;
  readonly mode: HeaderMode;
  /** What each side said behind the handshake. */
  readonly requests: Uint8Array;
  readonly replies: Uint8Array;
}

let known: readonly Session[] | undefined;

export function sessions(): readonly Session[] {
  known ??= readdirSync(corpusFolder)
    .filter((name) => name.endsWith('.session'))
    .sort()
    .map((name) => sessionOf(name, decodeSession(readFileSync(`${corpusFolder}${name}`))));
  return known;
}

function sessionOf(name: string, pieces: readonly SessionPiece[]): Session {
  const said = (side: SessionPiece['from']): Uint8Array =>
    new Uint8Array(Buffer.concat(pieces.filter(({ from }) => from === side).map(({ bytes }) => bytes)));
  const client = said('client');
  const server = said('server');
  const { end, mode } = endOfOptionReplies(server);
  return { name, client, server, mode, requests: client.subarray(endOfOptions(client)), replies: server.subarray(end) };
}

/** Behind the flags, options follow each other as long as each begins with their magic. */
function endOfOptions(client: Uint8Array): number {
  const view = new DataView(client.buffer, client.byteOffset, client.length);
  let position = 4;
  while (position + 16 <= client.length && view.getBigUint64(position) === HandshakeMagic.Option) {
    position += 16 + view.getUint32(position + 12);
  }
  return Math.min(position, client.length);
}

/** Where a server's words about options end, and what was agreed on. */
export function endOfOptionReplies(server: Uint8Array): { readonly end: number; readonly mode: HeaderMode } {
  const view = new DataView(server.buffer, server.byteOffset, server.length);
  let mode: HeaderMode = 'simple';
  let position = 18;
  while (position + 20 <= server.length && view.getBigUint64(position) === HandshakeMagic.OptionReply) {
    const option = view.getUint32(position + 8);
    const isAck = view.getUint32(position + 12) === OptionReply.Ack;
    if (isAck && option === Option.StructuredReply) mode = 'structured';
    if (isAck && option === Option.ExtendedHeaders) mode = 'extended';
    position += 20 + view.getUint32(position + 16);
  }
  return { end: Math.min(position, server.length), mode };
}
