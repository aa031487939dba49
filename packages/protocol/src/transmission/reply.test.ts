import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkType } from '../constants/constants.ts';
import { hex } from '../hex.testing.ts';
import { concat, feed } from './feed.testing.ts';
import {
  type ChunkFrame,
  encodeBlockStatusChunk,
  encodeChunk,
  encodeDataChunkHeader,
  encodeErrorChunk,
  encodeHoleChunk,
  encodeNoneChunk,
  encodeSimpleReply,
} from './reply.ts';
import { ReplyDecoder } from './reply-decoder.ts';
import { ReplyLog } from './reply-log.testing.ts';

const cookie = { high: 0x0102_0304, low: 0x0506_0708 };
const compact: ChunkFrame = { cookie, flags: 1 };
const extended: ChunkFrame = { cookie, flags: 1, requestOffset: 0x1_0000_0200n };
const text = new TextEncoder();

/** Every message of the transmission phase that a server sends, by hand. */
const golden: readonly (readonly [name: string, made: Uint8Array, notation: string])[] = [
  ['a simple reply', encodeSimpleReply(cookie, 0), '67446698 00000000 0102030405060708'],
  ['a simple reply with an error', encodeSimpleReply(cookie, 28), '67446698 0000001c 0102030405060708'],
  ['NONE', encodeNoneChunk(compact), '668e33ef 0001 0000 0102030405060708 00000000'],
  [
    'OFFSET_DATA',
    concat(encodeDataChunkHeader({ cookie, flags: 0 }, 0x1_0000_0200n, 4), hex('deadbeef')),
    '668e33ef 0000 0001 0102030405060708 0000000c 0000000100000200 deadbeef',
  ],
  [
    'OFFSET_HOLE',
    encodeHoleChunk(compact, 0x1_0000_0200n, 0x1000),
    '668e33ef 0001 0002 0102030405060708 0000000c 0000000100000200 00001000',
  ],
  [
    'BLOCK_STATUS',
    encodeBlockStatusChunk(compact, 7, [
      { length: 0x1_0000n, status: 0n },
      { length: 0xffff_ffffn, status: 3n },
    ]),
    '668e33ef 0001 0005 0102030405060708 00000014 00000007 00010000 00000000 ffffffff 00000003',
  ],
  [
    'ERROR',
    encodeErrorChunk(compact, 5, text.encode('disk')),
    '668e33ef 0001 8001 0102030405060708 0000000a 00000005 0004 "disk"',
  ],
  [
    'ERROR without a text',
    encodeErrorChunk(compact, 5, new Uint8Array(0)),
    '668e33ef 0001 8001 0102030405060708 00000006 00000005 0000',
  ],
  [
    'ERROR_OFFSET',
    encodeErrorChunk(compact, 28, text.encode('full'), 0x1_0000_0200n),
    '668e33ef 0001 8002 0102030405060708 00000012 0000001c 0004 "full" 0000000100000200',
  ],
  ['extended NONE', encodeNoneChunk(extended), '6e8a278c 0001 0000 0102030405060708 0000000100000200 0000000000000000'],
  [
    'extended OFFSET_DATA',
    concat(encodeDataChunkHeader(extended, 0x1_0000_0400n, 4), hex('deadbeef')),
    '6e8a278c 0001 0001 0102030405060708 0000000100000200 000000000000000c 0000000100000400 deadbeef',
  ],
  [
    'C72: extended BLOCK_STATUS_EXT',
    encodeBlockStatusChunk(extended, 7, [
      { length: 2n ** 63n, status: 2n ** 64n - 1n },
      { length: 1n, status: 0n },
    ]),
    `6e8a278c 0001 0006 0102030405060708 0000000100000200 0000000000000028 00000007 00000002
     8000000000000000 ffffffffffffffff 0000000000000001 0000000000000000`,
  ],
  [
    'extended ERROR_OFFSET',
    encodeErrorChunk(extended, 28, text.encode('full'), 0x1_0000_0300n),
    '6e8a278c 0001 8002 0102030405060708 0000000100000200 0000000000000012 0000001c 0004 "full" 0000000100000300',
  ],
  [
    'any other chunk, with a wrong length in its header',
    encodeChunk(compact, 0x1234, hex('aabb'), 0x99),
    '668e33ef 0001 1234 0102030405060708 00000099 aabb',
  ],
];

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const anyCookie = fc.record({ high: u32, low: u32 });

/** A chunk of any type, and the lines that report it. */
const anyChunk = (isExtended: boolean) => {
  const word = isExtended ? u64 : fc.bigInt({ min: 0n, max: 0xffff_ffffn });
  return fc
    .record({
      kind: fc.constantFrom('data', 'hole', 'status', 'error'),
      cookie: anyCookie,
      isDone: fc.boolean(),
      requestOffset: u64,
      offset: u64,
      number: fc.integer({ min: 1, max: 0xffff_ffff }),
      data: fc.uint8Array({ minLength: 1, maxLength: 16 }),
      extents: fc.array(fc.record({ length: word, status: word }), { minLength: 1, maxLength: 6 }),
      words: fc.stringMatching(/^[a-z]{1,20}$/),
    })
    .map(({ kind, cookie: { high, low }, isDone, requestOffset, offset, number, data, extents, words }) => {
      const flags = isDone ? 1 : 0;
      const frame: ChunkFrame = { cookie: { high, low }, flags, ...(isExtended ? { requestOffset } : {}) };
      const halves = (wide: bigint) => `${wide >> 32n} ${wide & 0xffff_ffffn}`;
      const chunk = (type: number) => `chunk ${high} ${low} ${type} ${isExtended ? halves(requestOffset) : '0 0'}`;
      const end = `chunk end ${isDone ? 'done' : 'more'}`;
      switch (kind) {
        case 'data': {
          const digits = Array.from(data, (byte) => byte.toString(16).padStart(2, '0')).join('');
          return {
            bytes: concat(encodeDataChunkHeader(frame, offset, data.length), data),
            lines: [chunk(ChunkType.OffsetData), `data ${halves(offset)} ${data.length}`, `${end} ${digits}`],
          };
        }
        case 'hole':
          return {
            bytes: encodeHoleChunk(frame, offset, number),
            lines: [chunk(ChunkType.OffsetHole), `hole ${halves(offset)} ${number}`, end],
          };
        case 'status':
          return {
            bytes: encodeBlockStatusChunk(frame, number, extents),
            lines: [
              chunk(isExtended ? ChunkType.BlockStatusExt : ChunkType.BlockStatus),
              `block status ${number} ${extents.length}`,
              ...extents.map(({ length, status }) => `extent ${halves(length)} ${halves(status)}`),
              end,
            ],
          };
        default:
          return {
            bytes: encodeErrorChunk(frame, number, text.encode(words), offset),
            lines: [chunk(ChunkType.ErrorOffset), `error ${number} ${words}`, `error offset ${halves(offset)}`, end],
          };
      }
    });
};

describe('reply', () => {
  it.each(golden)('%s', (_, made, notation) => {
    expect(made).toEqual(hex(notation));
  });

  it.each([
    ['structured' as const, false],
    ['extended' as const, true],
  ])('round trip: what is encoded for %s replies is decoded', (mode, isExtended) => {
    fc.assert(
      fc.property(fc.array(anyChunk(isExtended), { maxLength: 8 }), (chunks) => {
        const log = new ReplyLog();
        feed(new ReplyDecoder(log, mode), concat(...chunks.map(({ bytes }) => bytes)));
        expect(log.lines).toEqual(chunks.flatMap(({ lines }) => lines));
      }),
    );
  });
});
