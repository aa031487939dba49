import { type HeaderMode, limits, ProtocolError } from '@nbdjs/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChunkType } from '../constants/constants.ts';
import { hex } from '../hex.testing.ts';
import { allCuts, concat, digest, feed, pattern, randomCuts, whole } from './feed.testing.ts';
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

const cookie = { high: 1, low: 2 };
const done: ChunkFrame = { cookie, flags: 1 };
const more: ChunkFrame = { cookie, flags: 0 };
const text = (words: string) => new TextEncoder().encode(words);

/** What a decoder reports about a stream. */
function told(mode: HeaderMode, bytes: Uint8Array, cut = whole, log = new ReplyLog()): readonly string[] {
  feed(new ReplyDecoder(log, mode), bytes, cut);
  return log.lines;
}

/** Chunks of all kinds, with short and long data, in one stream. */
function chunkStream(isExtended: boolean): Uint8Array {
  const extension = isExtended ? { requestOffset: 0x1_0000_0000n } : {};
  const last: ChunkFrame = { ...done, ...extension };
  const notLast: ChunkFrame = { ...more, ...extension };
  const data = (frame: ChunkFrame, length: number) =>
    concat(encodeDataChunkHeader(frame, 0x1_0000_0000n, length), pattern(length, length));
  const extents = Array.from({ length: 100 }, (_, index) => ({
    length: BigInt(index + 1) << 16n,
    status: BigInt(index % 4),
  }));
  return concat(
    data(notLast, 1),
    encodeHoleChunk(notLast, 0x7fff_ffff_0000_0000n, 0xffff_ffff),
    data(last, 5000),
    encodeNoneChunk(last),
    data(notLast, 32 * 1024),
    data(last, 100_000),
    encodeBlockStatusChunk(last, 7, extents),
    encodeErrorChunk(notLast, 5, text('x'.repeat(4096)), 0x1_0000_0005n),
    encodeErrorChunk(last, 28, new Uint8Array(0)),
    data(last, 40_000),
    encodeErrorChunk(last, 0xffff_ffff, new Uint8Array(0xffff).fill(0x79)),
    encodeNoneChunk(last),
  );
}

describe('reply decoder', () => {
  it('reads a simple reply and the bytes after it: "Simple reply message"', () => {
    const log = new ReplyLog();
    log.simpleBytes = 4;
    const bytes = hex('67446698 00000000 0102030405060708 deadbeef 67446698 00000005 0102030405060709');
    expect(told('simple', bytes, whole, log)).toEqual([
      'simple 16909060 84281096 0',
      'simple data 4',
      'simple end deadbeef',
      'simple 16909060 84281097 5',
      'simple end',
    ]);
  });

  it('reads chunks: "Structured reply chunk message"', () => {
    const bytes = hex(`668e33ef 0000 0001 0000000100000002 0000000c 0000000100000200 deadbeef
      668e33ef 0000 0002 0000000100000002 0000000c 0000000100000204 00001000
      668e33ef 0001 8002 0000000100000002 00000012 0000001c 0004 "full" 0000000100000300`);
    expect(told('structured', bytes)).toEqual([
      'chunk 1 2 1 0 0',
      'data 1 512 4',
      'chunk end more deadbeef',
      'chunk 1 2 2 0 0',
      'hole 1 516 4096',
      'chunk end more',
      'chunk 1 2 32770 0 0',
      'error 28 full',
      'error offset 1 768',
      'chunk end done',
    ]);
  });

  it('C72: reads extended chunks with 64-bit extents: "Extended reply chunk message"', () => {
    const bytes = hex(`6e8a278c 0001 0006 0000000100000002 0000000300000004 0000000000000018
      00000007 00000001 8000000000000001 ffffffff00000002`);
    expect(told('extended', bytes)).toEqual([
      'chunk 1 2 6 3 4',
      'block status 7 1',
      'extent 2147483648 1 4294967295 2',
      'chunk end done',
    ]);
  });

  it('C50: unknown flags of a chunk are ignored', () => {
    expect(told('structured', hex('668e33ef fffe 8001 0000000100000002 00000006 00000005 0000'))).toEqual([
      'chunk 1 2 32769 0 0',
      'error 5',
      'chunk end more',
    ]);
    expect(told('structured', hex('668e33ef ffff 0000 0000000100000002 00000000')).at(-1)).toBe('chunk end done');
  });

  it('C52: an unknown chunk with bit 15 is an error, and what it has besides is skipped', () => {
    const bytes = concat(encodeChunk(done, 0x8fff, hex('00000005 0002 "no" ffffffffff')), encodeNoneChunk(done));
    expect(told('structured', bytes)).toEqual([
      'chunk 1 2 36863 0 0',
      'error 5 no',
      'chunk end done',
      'chunk 1 2 0 0 0',
      'chunk end done',
    ]);
  });

  it('C52: the rest of an error may be long', () => {
    const content = concat(hex('00000005 0000'), new Uint8Array(1_000_000));
    const bytes = concat(encodeChunk(done, 0x8fff, content), encodeNoneChunk(done));
    expect(told('structured', bytes, randomCuts(3)).at(-1)).toBe('chunk end done');
  });

  it('takes simple replies among structured ones', () => {
    const bytes = concat(encodeSimpleReply(cookie, 0), encodeNoneChunk(done), encodeSimpleReply(cookie, 5));
    expect(told('structured', bytes)).toEqual([
      'simple 1 2 0',
      'simple end',
      'chunk 1 2 0 0 0',
      'chunk end done',
      'simple 1 2 5',
      'simple end',
    ]);
  });

  describe.each([
    ['structured' as const, chunkStream(false), 0],
    ['extended' as const, chunkStream(true), 0],
    ['simple' as const, concat(encodeSimpleReply(cookie, 0), pattern(33_000), encodeSimpleReply(cookie, 5)), 33_000],
  ])('%s replies', (mode, bytes, simpleBytes) => {
    const logOf = () => Object.assign(new ReplyLog(), { simpleBytes });
    const expected = told(mode, bytes, whole, logOf());

    it.each(allCuts)('are reported the same, %s', (_, cut) => {
      const log = logOf();
      const decoder = new ReplyDecoder(log, mode);
      feed(decoder, bytes, cut());
      expect(log.lines).toEqual(expected);
      expect(decoder.isBetweenReplies).toBe(true);
    });

    it.each(allCuts)('are reported the same without any memory for payloads, %s', (_, cut) => {
      const log = Object.assign(logOf(), { discards: true });
      const lines = told(mode, bytes, cut(), log);
      expect(lines.map((line) => line.split(' ')[0])).toEqual(expected.map((line) => line.split(' ')[0]));
      expect(log.targets).toEqual([]);
    });

    it.each(allCuts)('are reported the same when payloads are staged, %s', (_, cut) => {
      const log = logOf();
      const decoder = new ReplyDecoder(log, mode);
      log.onTarget = () => decoder.keepPayloadStaged();
      const directBytes = feed(decoder, bytes, cut(), (memory) =>
        log.targets.some((target) => target.buffer === memory.buffer),
      );
      expect(log.lines).toEqual(expected);
      expect(directBytes).toBe(0);
    });
  });

  it('is between replies only where nothing is incomplete', () => {
    const decoder = new ReplyDecoder(new ReplyLog(), 'structured');
    const replies = [encodeNoneChunk(done), encodeHoleChunk(more, 0n, 5), encodeErrorChunk(done, 5, text('abc'), 0n)];
    for (const reply of replies) {
      for (const [index, byte] of reply.entries()) {
        expect(decoder.isBetweenReplies).toBe(index === 0);
        feed(decoder, Uint8Array.of(byte));
      }
    }
    expect(decoder.isBetweenReplies).toBe(true);
  });

  describe('long payloads', () => {
    const payload = pattern(1_000_000);
    const stream = concat(encodeDataChunkHeader(done, 0n, payload.length), payload, encodeNoneChunk(done));
    const isTarget = (log: ReplyLog) => (memory: Uint8Array) =>
      log.targets.some((target) => target.buffer === memory.buffer);

    it.each([4096, 65_536, 300_000])('land in their target directly, in deliveries of %i bytes', (byteCount) => {
      const log = new ReplyLog();
      const decoder = new ReplyDecoder(log, 'structured');
      const directBytes = feed(decoder, stream, () => byteCount, isTarget(log));
      expect(log.targets.map(digest)).toEqual([digest(payload)]);
      // Only what arrived with the header went by the staging memory.
      expect(directBytes).toBeGreaterThanOrEqual(payload.length - 256 * 1024);
    });

    it.each([
      ['simple', encodeSimpleReply({ high: 0, low: 140_000 }, 0)],
      ['structured', encodeDataChunkHeader(done, 0n, 140_000)],
      ['extended', encodeDataChunkHeader({ ...done, requestOffset: 0n }, 0n, 140_000)],
    ] as const)(
      'are followed by a read of one %s header, so that the next one lands directly as a whole',
      (mode, header) => {
        const log = Object.assign(new ReplyLog(), { simpleBytes: 140_000 });
        const decoder = new ReplyDecoder(log, mode);
        const chunk = concat(header, pattern(140_000));
        feed(decoder, chunk);
        const directBytes = feed(decoder, concat(chunk, chunk, chunk), whole, isTarget(log));
        expect(directBytes).toBe(3 * 140_000);
        expect(log.targets.map(digest)).toEqual(new Array(4).fill(digest(pattern(140_000))));
      },
    );

    it('land in staging memory up to 128 KiB, many with one read', () => {
      const log = new ReplyLog();
      const decoder = new ReplyDecoder(log, 'structured');
      const chunk = concat(encodeDataChunkHeader(done, 0n, 65_536), pattern(65_536));
      expect(feed(decoder, concat(chunk, chunk, chunk), whole, isTarget(log))).toBe(0);
      expect(log.targets.map(digest)).toEqual(new Array(3).fill(digest(pattern(65_536))));
      expect(decoder.writable().length).toBe(256 * 1024);
    });

    it('come in no longer pieces than asked for, where they are staged', () => {
      const log = new ReplyLog();
      const decoder = new ReplyDecoder(log, 'structured');
      expect(decoder.writable(1000).length).toBe(1000);
      // Named until something has landed there.
      expect(decoder.writable(2000).length).toBe(1000);
      decoder.writable().set(encodeDataChunkHeader(done, 0n, 1_000_000));
      decoder.advance(encodeDataChunkHeader(done, 0n, 1_000_000).length);
      expect(decoder.writable(1000).length).toBe(1_000_000);
    });

    it('are delivered in few pieces even if they are staged or discarded', () => {
      for (const discards of [true, false]) {
        const log = Object.assign(new ReplyLog(), { discards });
        const decoder = new ReplyDecoder(log, 'structured');
        if (!discards) log.onTarget = () => decoder.keepPayloadStaged();
        let deliveries = 0;
        feed(decoder, stream, () => {
          deliveries++;
          return Number.POSITIVE_INFINITY;
        });
        expect(deliveries).toBeLessThan(10);
      }
    });

    it('end in two pieces: what is missing, and what follows', () => {
      const log = new ReplyLog();
      const decoder = new ReplyDecoder(log, 'structured');
      feed(decoder, stream.subarray(0, stream.length - 80_000));
      let deliveries = 0;
      feed(decoder, stream.subarray(stream.length - 80_000), () => {
        deliveries++;
        return Number.POSITIVE_INFINITY;
      });
      expect(deliveries).toBeLessThanOrEqual(2);
      expect(log.targets.map(digest)).toEqual([digest(payload)]);
    });

    it('name the same memory until something has landed in it', () => {
      const decoder = new ReplyDecoder(new ReplyLog(), 'structured');
      for (let position = 0; position < stream.length; ) {
        const memory = decoder.writable();
        expect(decoder.writable()).toBe(memory);
        const byteCount = Math.min(memory.length, 10_000, stream.length - position);
        memory.set(stream.subarray(position, position + byteCount));
        position += byteCount;
        decoder.advance(byteCount);
      }
      expect(decoder.isBetweenReplies).toBe(true);
    });

    it('that are staged leave their target alone from the moment they are discarded', () => {
      const log = new ReplyLog();
      const decoder = new ReplyDecoder(log, 'structured');
      log.onTarget = () => decoder.keepPayloadStaged();
      feed(decoder, stream.subarray(0, 50_000));
      const before = digest(log.targets[0] as Uint8Array);
      decoder.discardPayload();
      feed(decoder, stream.subarray(50_000));
      expect(digest(log.targets[0] as Uint8Array)).toBe(before);
      expect(log.lines.at(-1)).toBe('chunk end done');
      expect(decoder.isBetweenReplies).toBe(true);
    });

    it('land in the right place when memory is asked for ahead of time', () => {
      const log = new ReplyLog();
      const decoder = new ReplyDecoder(log, 'structured');
      const cut = randomCuts(9);
      let memory = decoder.writable();
      for (let position = 0; position < stream.length; ) {
        // A sink may be asked more than once before a delivery.
        memory = decoder.writable();
        const byteCount = Math.min(memory.length, stream.length - position, cut());
        memory.set(stream.subarray(position, position + byteCount));
        position += byteCount;
        decoder.advance(byteCount);
      }
      expect(log.targets.map(digest)).toEqual([digest(payload)]);
    });
  });

  describe('violations', () => {
    const extended: ChunkFrame = { ...done, requestOffset: 0n };
    const tooLong = limits.payloadBytesMax + 9;
    const many = limits.replyExtentsMax + 1;
    const cases: readonly (readonly [what: string, mode: HeaderMode, bytes: Uint8Array, violation: string])[] = [
      ['a magic that is none', 'simple', hex('67446699'), 'bad-reply-magic'],
      ['text', 'structured', hex('"HTTP/1.1 400"'), 'bad-reply-magic'],
      ['a request', 'simple', hex('25609513'), 'unfit-reply-magic'],
      ['a structured reply among simple ones', 'simple', encodeNoneChunk(done), 'unfit-reply-magic'],
      ['C63: a structured reply among extended ones', 'extended', encodeNoneChunk(done), 'unfit-reply-magic'],
      ['C63: a simple reply among extended ones', 'extended', encodeSimpleReply(cookie, 0), 'unfit-reply-magic'],
      ['an extended reply among structured ones', 'structured', encodeNoneChunk(extended), 'unfit-reply-magic'],
      ['C51: NONE that does not end its reply', 'structured', encodeNoneChunk(more), 'none-without-done'],
      ['C51: NONE with content', 'structured', encodeChunk(done, ChunkType.None, hex('00')), 'bad-chunk-length'],
      ['C51: an unknown chunk', 'structured', encodeChunk(done, 3, hex('00')), 'unknown-chunk'],
      ['C51: an unknown chunk without content', 'structured', encodeChunk(done, 0x7fff, hex('')), 'unknown-chunk'],
      ['C51: data of no bytes', 'structured', encodeDataChunkHeader(done, 0n, 0), 'bad-chunk-length'],
      ['C51: data without an offset', 'structured', encodeChunk(done, 1, new Uint8Array(7)), 'bad-chunk-length'],
      ['C51: a hole that is too short', 'structured', encodeChunk(done, 2, new Uint8Array(11)), 'bad-chunk-length'],
      ['C51: a hole that is too long', 'structured', encodeChunk(done, 2, new Uint8Array(13)), 'bad-chunk-length'],
      ['C51: a hole of no bytes', 'structured', encodeHoleChunk(done, 0n, 0), 'empty-hole'],
      ['C51: a block status without extents', 'structured', encodeBlockStatusChunk(done, 7, []), 'bad-chunk-length'],
      ['C51: half an extent', 'structured', encodeChunk(done, 5, new Uint8Array(4 + 12)), 'bad-chunk-length'],
      [
        'C51: a block status without context',
        'structured',
        encodeChunk(done, 5, new Uint8Array(0)),
        'bad-chunk-length',
      ],
      [
        'C72: half an extended extent',
        'extended',
        encodeChunk(extended, 6, new Uint8Array(8 + 24)),
        'bad-chunk-length',
      ],
      [
        'C72: BLOCK_STATUS among extended replies',
        'extended',
        encodeChunk(extended, 5, new Uint8Array(12)),
        'unfit-chunk',
      ],
      [
        'C72: BLOCK_STATUS_EXT among structured ones',
        'structured',
        encodeChunk(done, 6, new Uint8Array(24)),
        'unfit-chunk',
      ],
      [
        'C72: a number of extents that is not theirs',
        'extended',
        encodeChunk(extended, 6, concat(hex('00000007 00000002'), new Uint8Array(16))),
        'extent-count',
      ],
      [
        'C69: more extents than the limit',
        'structured',
        encodeChunk(done, 5, new Uint8Array(0), 4 + 8 * many),
        'too-many-extents',
      ],
      [
        'C69: a chunk above all limits',
        'structured',
        encodeChunk(done, 1, new Uint8Array(0), tooLong),
        'chunk-too-long',
      ],
      [
        'C69: an extended chunk of 2^64 - 1 bytes',
        'extended',
        hex('6e8a278c 0001 0001 0000000100000002 0000000000000000 ffffffffffffffff'),
        'chunk-too-long',
      ],
      ['C51: an error without a number', 'structured', encodeErrorChunk(done, 0, text('fine')), 'error-zero'],
      [
        'C52: an error that is too short',
        'structured',
        encodeChunk(done, 0x8001, new Uint8Array(5)),
        'bad-chunk-length',
      ],
      [
        'C52: ERROR_OFFSET without offset',
        'structured',
        encodeChunk(done, 0x8002, new Uint8Array(13)),
        'bad-chunk-length',
      ],
      [
        'C52: a text longer than its chunk',
        'structured',
        encodeChunk(done, 0x8001, hex('00000005 0003 "ab"')),
        'error-text-length',
      ],
      [
        'C52: a text that leaves no room for the offset',
        'structured',
        encodeChunk(done, 0x8002, hex('00000005 0003 "abc" 00000000000000')),
        'error-text-length',
      ],
      [
        'C52: an unknown error whose text is longer than its chunk',
        'structured',
        encodeChunk(done, 0xffff, hex('00000005 ffff "ab"')),
        'error-text-length',
      ],
    ];

    it.each(cases)('%s', (_, mode, bytes, violation) => {
      for (const [, cut] of allCuts.slice(0, 3)) {
        const failing = () => told(mode, bytes, cut());
        expect(failing).toThrow(ProtocolError);
        expect(failing).toThrow(expect.objectContaining({ violation, phase: 'transmission' }));
      }
    });

    it.each(cases)('%s is found after good replies too, and the error has its bytes', (_, mode, bytes, violation) => {
      const good = mode === 'extended' ? encodeNoneChunk(extended) : encodeSimpleReply(cookie, 5);
      try {
        told(mode, concat(good, good, bytes));
        expect.unreachable();
      } catch (error) {
        expect(error).toMatchObject({ violation, rule: expect.stringMatching(/^[CG]\d+$/) });
        expect((error as ProtocolError).excerptHex).toMatch(/^([0-9a-f]{2})+/);
      }
    });

    it('C69: what is just within the limits is accepted', () => {
      const header = encodeDataChunkHeader(done, 0n, limits.payloadBytesMax);
      expect(told('structured', header, whole, Object.assign(new ReplyLog(), { discards: true })).at(-1)).toBe(
        `data 0 0 ${limits.payloadBytesMax}`,
      );
    });
  });

  it('an error that the handler throws leaves the decoder unchanged', () => {
    const failure = new Error('not mine');
    const log = new ReplyLog();
    log.onTarget = () => {
      throw failure;
    };
    expect(() => told('structured', concat(encodeDataChunkHeader(done, 0n, 1), hex('00')), whole, log)).toThrow(
      failure,
    );
  });

  it('accepts or rejects any bytes without an exception of another kind', () => {
    const modes = fc.constantFrom<HeaderMode>('simple', 'structured', 'extended');
    const header = fc.constantFrom(
      hex('67446698'),
      hex('668e33ef 0001 0001'),
      hex('668e33ef 0000 8001'),
      hex('668e33ef 0001 0005 0000000000000001 0000000c'),
      hex('668e33ef 0001 8002 0000000000000001 00000010'),
      hex('6e8a278c 0001 0006 0000000000000001 0000000000000001 0000000000000018'),
      new Uint8Array(0),
    );
    const garbage = fc.uint8Array({ maxLength: 150 });
    fc.assert(
      fc.property(modes, header, garbage, fc.integer({ min: 1, max: 50 }), (mode, start, rest, cut) => {
        const log = Object.assign(new ReplyLog(), { discards: true, simpleBytes: 3 });
        try {
          told(mode, concat(start, rest), () => cut, log);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
