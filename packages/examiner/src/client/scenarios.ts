/** The scenarios, in the order in which a client meets them. */
import { concatenate } from '@nbdjs/kit';
import {
  ChunkFlag,
  Command,
  encodeChunk,
  encodeErrorReply,
  encodeNoneChunk,
  encodeOptionReply,
  HandshakeFlag,
  Option,
  OptionReply,
  TransmissionFlag,
  WireError,
} from '@nbdjs/protocol';
import { u16 } from '../wire/payloads.ts';
import type { Quirks, ReplyPiece, Scenario } from './scenario.ts';
import type { ServedRequest } from './served-request.ts';

const text = new TextEncoder();

function cope(
  id: string,
  served: string,
  expected: string,
  quirks: Quirks,
  level: Scenario['level'] = 'MUST',
): Scenario {
  return { id, level, served, expected, demand: 'cope', quirks };
}

function refuse(id: string, served: string, quirks: Quirks, level: Scenario['level'] = 'MUST'): Scenario {
  return { id, level, served, expected: 'an error: what comes cannot be trusted', demand: 'refuse', quirks };
}

function end(id: string, served: string, quirks: Quirks): Scenario {
  const expected = 'success after another try, or an error: the client comes to an end';
  return { id, level: 'SHOULD', served, expected, demand: 'end', quirks };
}

/** Answers reads in this way; other requests are answered as usual. */
function reads(reply: (request: ServedRequest) => readonly ReplyPiece[] | undefined): Quirks {
  return { reply: (request) => (request.isRead && request.data.length > 0 ? reply(request) : undefined) };
}

/** The same for chunks; a client without them is answered as usual. */
function chunks(reply: (request: ServedRequest) => readonly ReplyPiece[] | undefined): Quirks {
  return reads((request) => (request.mode === 'simple' ? undefined : reply(request)));
}

const usualFlags = TransmissionFlag.HasFlags;
const unknownInfo = (option: number): readonly Uint8Array[] =>
  option === Option.Go || option === Option.Info
    ? [encodeOptionReply(option, OptionReply.Info, concatenate([u16(0x7001), text.encode('something new')]))]
    : [];

const legal: readonly Scenario[] = [
  cope('C1/plain', 'an export without any oddity', 'success', {}),
  cope('C67/structured-only', 'a server without extended headers', 'success', { mode: 'structured' }),
  cope('C67/simple-only', 'a server without structured replies', 'success', { mode: 'simple' }),
  cope(
    'C2/unknown-handshake-flag',
    'a handshake flag that is not defined (0x40)',
    'it is ignored',
    {
      handshakeFlags: HandshakeFlag.FixedNewstyle | HandshakeFlag.NoZeroes | 0x40,
    },
    'SHOULD',
  ),
  cope(
    'C39/unknown-transmission-flag',
    'a transmission flag that is not defined (0x4000)',
    'it is ignored',
    {
      transmissionFlags: usualFlags | 0x4000,
    },
    'SHOULD',
  ),
  cope('C41/no-features', 'no transmission flag but HAS_FLAGS', 'success without FLUSH, FUA, TRIM and the like', {
    transmissionFlags: usualFlags,
  }),
  cope('C12/unknown-information', 'information of an unknown kind, before the other', 'it is ignored', {
    before: unknownInfo,
  }),
  cope('C43/blocks-of-4096', 'a smallest block of 4096 bytes, and a largest payload of 64 KiB', 'requests that fit', {
    blockSizes: { minimum: 4096, preferred: 65_536, maximum: 65_536 },
  }),
  cope(
    'C9/no-go',
    'GO and INFO are unsupported',
    'EXPORT_NAME instead',
    {
      mode: 'simple',
      option: (option) =>
        option === Option.Go || option === Option.Info
          ? [encodeErrorReply(option, OptionReply.ErrUnsupported)]
          : undefined,
    },
    'SHOULD',
  ),
  cope(
    'C53/fragments',
    'reads in chunks of 4 KiB, with holes among them',
    'the chunks are put together',
    chunks((request) => request.read(4096)),
  ),
  cope(
    'C53/out-of-order',
    'reads in chunks that come last to first',
    'the chunks are put together',
    chunks((request) => [...[...request.contentChunks(16_384)].reverse(), encodeNoneChunk(request.frame(true))]),
  ),
  cope(
    'C50/unknown-chunk-flag',
    'chunks with a flag that is not defined',
    'it is ignored',
    chunks((request) =>
      request
        .contentChunks()
        .map((chunk) => withFlag(chunk, 0x8000))
        .concat(encodeNoneChunk(request.frame(true))),
    ),
  ),
  cope(
    'C38/short-status',
    'BLOCK_STATUS that covers 4096 bytes at a time',
    'the client asks for the rest',
    {
      reply: (request) => {
        if (request.fields.command !== Command.BlockStatus) return undefined;
        const { length } = request.fields;
        return [request.status(0, [{ length: length < 4096n ? length : 4096n, status: 0n }])];
      },
    },
    'SHOULD',
  ),
  cope(
    'C38/equal-neighbours',
    'BLOCK_STATUS whose extents have the same status',
    'success',
    {
      reply: (request) => {
        const { command, length } = request.fields;
        if (command !== Command.BlockStatus || length < 2n) return undefined;
        return [
          request.status(0, [
            { length: length / 2n, status: 0n },
            { length: length - length / 2n, status: 0n },
          ]),
        ];
      },
    },
    'SHOULD',
  ),
];

const broken: readonly Scenario[] = [
  refuse('C18/wrong-option', 'replies that name another option', {
    option: (option) => [encodeOptionReply(option + 100, OptionReply.Ack)],
  }),
  refuse('C18/wrong-magic', 'option replies with a wrong magic number', {
    option: () => [new Uint8Array(20).fill(0x55)],
  }),
  refuse('S7/no-export-information', 'GO that is acknowledged without information', {
    option: (option) => (option === Option.Go ? [encodeOptionReply(option, OptionReply.Ack)] : undefined),
  }),
  refuse(
    'C51/unknown-cookie',
    'reads answered with a cookie of no request',
    reads((request) => [request.plain(0, request.fields.cookie ^ 0xff_ff00_0000n)]),
  ),
  refuse(
    'C51/unknown-chunk',
    'a chunk of an unknown kind in a read',
    chunks((request) => [encodeChunk(request.frame(false), 0x77, new Uint8Array(12)), ...request.read()]),
  ),
  refuse(
    'C51/outside',
    'a chunk of data outside of the read',
    chunks((request) => [
      shifted(request.dataChunk(0, Math.min(512, request.data.length)), 2n ** 40n),
      encodeNoneChunk(request.frame(true)),
    ]),
  ),
  refuse(
    'C56/simple-read',
    'a READ answered by a simple reply, with structured replies',
    chunks((request) => [concatenate([simpleReply(request), request.data])]),
  ),
  refuse(
    'C55/error-chunk',
    'an error chunk behind all chunks of a read',
    chunks((request) => [...request.contentChunks(), request.plain(WireError.Eio)]),
  ),
  refuse(
    'C57/unexpected-error',
    'reads that fail with an error number that is not defined (9999)',
    reads((request) => [request.plain(9999)]),
  ),
  refuse(
    'C54/missing-data',
    'reads whose chunks do not cover them',
    chunks((request) => [...request.contentChunks(4096).slice(1), encodeNoneChunk(request.frame(true))]),
    'SHOULD',
  ),
];

const ends: readonly Scenario[] = [
  end('C17/shutdown', 'options that are refused by ERR_SHUTDOWN', {
    option: (option) =>
      option === Option.Abort ? undefined : [encodeErrorReply(option, OptionReply.ErrShutdown, 'bye')],
  }),
  end(
    'C58/shutdown',
    'reads that fail with ESHUTDOWN',
    reads((request) => [request.plain(WireError.Eshutdown)]),
  ),
  end('C18/closed-at-go', 'the connection is closed at GO', {
    option: (option) => (option === Option.Go || option === Option.ExportName ? ['close'] : undefined),
  }),
  end(
    'C51/closed-at-read',
    'the connection is closed at the first read',
    reads(() => ['close']),
  ),
  end(
    'C51/closed-in-a-reply',
    'the connection is closed in the middle of a reply',
    reads((request) => {
      const whole = concatenate(request.read());
      return [whole.subarray(0, Math.max(1, Math.floor(whole.length / 2))), 'close'];
    }),
  ),
];

/** All scenarios, in the order in which a client meets them. */
export const scenarios: readonly Scenario[] = [...legal, ...broken, ...ends];

function withFlag(chunk: Uint8Array, flag: number): Uint8Array {
  const copy = Uint8Array.from(chunk);
  const view = new DataView(copy.buffer);
  view.setUint16(4, view.getUint16(4) | (flag & ~ChunkFlag.Done));
  return copy;
}

/** A chunk of content whose data are said to begin elsewhere. */
function shifted(chunk: Uint8Array, offset: bigint): Uint8Array {
  const copy = Uint8Array.from(chunk);
  const view = new DataView(copy.buffer);
  const headerBytes = view.getUint32(0) === 0x6e8a_278c ? 32 : 20;
  view.setBigUint64(headerBytes, offset);
  return copy;
}

function simpleReply({ fields }: ServedRequest): Uint8Array {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x6744_6698);
  view.setBigUint64(8, fields.cookie);
  return bytes;
}
