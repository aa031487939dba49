import { ProtocolError } from '@nbdjs/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Command, CommandFlag } from '../constants/constants.ts';
import { hex } from '../hex.testing.ts';
import { allCuts, concat, digest, feed, pattern, whole } from './feed.testing.ts';
import { requestHeaderBytes, writeExtendedRequest, writeRequest } from './request.ts';
import { deferPayload, RequestDecoder, type RequestHandler, type RequestHeader } from './request-decoder.ts';

class RequestLog implements RequestHandler {
  readonly lines: string[] = [];
  readonly targets: Uint8Array[] = [];
  discards = false;
  #payload: Uint8Array | undefined;

  request(header: RequestHeader, payloadBytes: number): Uint8Array | undefined | typeof deferPayload {
    const { type, flags, cookieHigh, cookieLow, offsetHigh, offsetLow, lengthHigh, lengthLow } = header;
    const numbers = [type, flags, cookieHigh, cookieLow, offsetHigh, offsetLow, lengthHigh, lengthLow, payloadBytes];
    this.lines.push(`request ${numbers.join(' ')}`);
    this.#payload = this.discards || payloadBytes === 0 ? undefined : new Uint8Array(payloadBytes);
    if (this.#payload !== undefined) this.targets.push(this.#payload);
    return this.#payload;
  }

  payload(): void {
    this.lines.push(`payload ${digest(this.#payload ?? new Uint8Array(0))}`);
  }
}

function request(
  extended: boolean,
  type: number,
  flags: number,
  offset: bigint,
  length: bigint,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array {
  const bytes = new Uint8Array(requestHeaderBytes(extended));
  const view = new DataView(bytes.buffer);
  const high = (wide: bigint) => Number(wide >> 32n);
  const low = (wide: bigint) => Number(wide & 0xffff_ffffn);
  if (extended) writeExtendedRequest(view, 0, flags, type, 1, 2, high(offset), low(offset), high(length), low(length));
  else writeRequest(view, 0, flags, type, 1, 2, high(offset), low(offset), low(length));
  return concat(bytes, payload);
}

/** Has no memory at first. */
class ShortLog extends RequestLog {
  #awaited: Uint8Array | undefined;

  override request(header: RequestHeader, payloadBytes: number): Uint8Array | undefined | typeof deferPayload {
    const target = super.request(header, payloadBytes);
    this.#awaited = target === deferPayload ? undefined : target;
    return this.#awaited === undefined ? undefined : deferPayload;
  }

  /** Now it has. */
  resumeIn(decoder: RequestDecoder): void {
    const target = this.#awaited;
    this.#awaited = undefined;
    if (target !== undefined) decoder.resumePayload(target);
  }
}

const decoderOf = (handler: RequestHandler, extended = false) =>
  new RequestDecoder(handler, { extended, payloadBytesMax: 32 * 1024 * 1024 });

describe('request decoder', () => {
  it('reads a request as the specification defines it', () => {
    const log = new RequestLog();
    feed(decoderOf(log), hex('25609513 0001 0001 0102030405060708 0000000100000200 00000004 deadbeef'));
    expect(log.lines).toEqual([`request 1 1 16909060 84281096 1 512 0 4 4`, `payload ${digest(hex('deadbeef'))}`]);
    expect(log.targets).toEqual([hex('deadbeef')]);
  });

  it('waits for the memory of a payload, and goes on with what has arrived meanwhile', { tags: ['slow'] }, () => {
    const all = concat(
      request(false, Command.Write, 0, 0n, 5n, hex('0102030405')),
      request(false, Command.Flush, 0, 0n, 0n),
      request(false, Command.Write, 0, 0n, 200_000n, new Uint8Array(200_000).fill(7)),
      request(false, Command.Flush, 0, 0n, 0n),
    );
    const prompt = new RequestLog();
    feed(decoderOf(prompt), all);
    for (const pieceBytes of [1, 27, 28, 30, 61, 1000, all.length]) {
      const log = new ShortLog();
      const decoder = decoderOf(log);
      for (let position = 0; position < all.length; ) {
        const target = decoder.writable();
        expect(target.length).toBeGreaterThan(0);
        const piece = all.subarray(position, position + Math.min(pieceBytes, target.length));
        target.set(piece);
        position += piece.length;
        const before = log.lines.length;
        decoder.advance(piece.length);
        // Not one line more before there is memory.
        if (log.lines.at(-1)?.startsWith('request 0 1 ') && log.lines.length > before) {
          expect(decoder.isBetweenRequests).toBe(false);
        }
        for (let count = -1; count !== log.lines.length; ) {
          count = log.lines.length;
          log.resumeIn(decoder);
        }
      }
      expect(log.lines).toEqual(prompt.lines);
      expect(decoder.isBetweenRequests).toBe(true);
    }
  });

  it('C64: reads an extended request with a payload', () => {
    const log = new RequestLog();
    const notation = '21e41c71 0020 0007 0000000000000005 0000000000001000 000000000000000c 0000000100000000 00000007';
    feed(decoderOf(log, true), hex(notation));
    expect(log.lines[0]).toBe('request 7 32 0 5 0 4096 0 12 12');
    expect(log.targets).toEqual([hex('0000000100000000 00000007')]);
  });

  it.each([
    ['a write without PAYLOAD_LEN, as QEMU sends it', true, Command.Write, 0, 4],
    ['a block status request without PAYLOAD_LEN', true, Command.BlockStatus, 0, 0],
    ['a block status request with PAYLOAD_LEN', true, Command.BlockStatus, CommandFlag.PayloadLen, 4],
    ['an unknown command with PAYLOAD_LEN', true, 99, CommandFlag.PayloadLen, 4],
    ['C65: the flag with compact headers', false, Command.Trim, CommandFlag.PayloadLen, 0],
    ['a compact write', false, Command.Write, 0, 4],
    ['a read', false, Command.Read, 0, 0],
  ])('%s', (_, extended, type, flags, payloadBytes) => {
    const log = new RequestLog();
    const bytes = request(extended, type, flags, 0n, 4n, new Uint8Array(payloadBytes));
    const decoder = decoderOf(log, extended);
    feed(decoder, concat(bytes, request(extended, Command.Flush, 0, 0n, 0n)));
    expect(log.lines[0]).toBe(`request ${type} ${flags} 1 2 0 0 0 4 ${payloadBytes}`);
    expect(log.lines.at(-1)).toBe('request 3 0 1 2 0 0 0 0 0');
    expect(decoder.isBetweenRequests).toBe(true);
  });

  const session = (extended: boolean) =>
    concat(
      request(extended, Command.Read, 0, 2n ** 63n - 1n, 1n),
      request(extended, Command.Write, CommandFlag.PayloadLen, 5n, 3n, pattern(3)),
      request(extended, Command.Write, CommandFlag.PayloadLen, 0n, 100_000n, pattern(100_000, 9)),
      request(extended, Command.WriteZeroes, CommandFlag.NoHole, 0n, extended ? 2n ** 40n : 2n ** 32n - 1n),
      request(extended, Command.Write, CommandFlag.PayloadLen, 0n, 0n),
      request(extended, Command.Write, CommandFlag.PayloadLen, 0n, 40_000n, pattern(40_000, 1)),
      request(extended, Command.Disconnect, 0, 0n, 0n),
    );

  describe.each([
    ['compact', false],
    ['extended', true],
  ])('with %s headers', (_, extended) => {
    const expected = new RequestLog();
    feed(decoderOf(expected, extended), session(extended), whole);

    it('reports seven requests and their payloads', () => {
      expect(expected.lines.filter((line) => line.startsWith('request'))).toHaveLength(7);
      const payloads = [pattern(3), pattern(100_000, 9), pattern(40_000, 1)];
      expect(expected.targets.map(digest)).toEqual(payloads.map(digest));
    });

    it.each(allCuts)('reports the same, %s', (_name, cut) => {
      const log = new RequestLog();
      const decoder = decoderOf(log, extended);
      feed(decoder, session(extended), cut());
      expect(log.lines).toEqual(expected.lines);
      expect(log.targets.map(digest)).toEqual(expected.targets.map(digest));
      expect(decoder.isBetweenRequests).toBe(true);
    });

    it.each(allCuts)('discards payloads that the handler does not take, %s', (_name, cut) => {
      const log = new RequestLog();
      log.discards = true;
      feed(decoderOf(log, extended), session(extended), cut());
      expect(log.lines.filter((line) => line.startsWith('request'))).toEqual(
        expected.lines.filter((line) => line.startsWith('request')),
      );
    });
  });

  it('lands the bulk of a long payload in its target directly', () => {
    const log = new RequestLog();
    const decoder = decoderOf(log);
    const bytes = request(false, Command.Write, 0, 0n, 1_000_000n, pattern(1_000_000));
    const directBytes = feed(
      decoder,
      bytes,
      () => 60_000,
      (memory) => memory.buffer === log.targets[0]?.buffer,
    );
    expect(directBytes).toBeGreaterThanOrEqual(1_000_000 - 64 * 1024);
    expect(log.targets.map(digest)).toEqual([digest(pattern(1_000_000))]);
  });

  it('reads more at a time once a delivery has filled its memory', () => {
    const log = new RequestLog();
    const decoder = decoderOf(log, true);
    const one = request(true, Command.Read, 0, 0n, 1n);
    expect(decoder.writable().length).toBe(8192);
    feed(decoder, one);
    expect(decoder.writable().length).toBe(8192);
    // As many as fill whatever is named, until nothing of a request is left over and all of the memory is named.
    const many = concat(...new Array<Uint8Array>(4284).fill(one));
    feed(decoder, many);
    expect(log.lines).toHaveLength(4285);
    expect(decoder.writable().length).toBe(64 * 1024);
    expect(decoder.isBetweenRequests).toBe(true);
  });

  it('reads less at a time when a delivery has brought less than it could', () => {
    const decoder = decoderOf(new RequestLog());
    const one = request(false, Command.Read, 0, 0n, 1n);
    feed(decoder, concat(...new Array<Uint8Array>(400).fill(one)));
    const { length } = decoder.writable();
    expect(length).toBeGreaterThan(32 * 1024);
    expect(length).toBeLessThan(64 * 1024);
    feed(decoder, one);
    expect(decoder.writable().length).toBe(length - (length >> 4));
  });

  it('is between requests only where nothing is incomplete', () => {
    const decoder = decoderOf(new RequestLog());
    const bytes = request(false, Command.Write, 0, 0n, 2n, pattern(2));
    expect(decoder.isBetweenRequests).toBe(true);
    for (const [index, byte] of bytes.entries()) {
      feed(decoder, Uint8Array.of(byte));
      expect(decoder.isBetweenRequests).toBe(index === bytes.length - 1);
    }
  });

  it.each([
    ['another magic', false, hex('25609514'), 'bad-request-magic'],
    ['an extended request where compact ones were agreed on', false, hex('21e41c71'), 'bad-request-magic'],
    ['C63: a compact request where extended ones were agreed on', true, hex('25609513'), 'bad-request-magic'],
    ['HTTP', false, hex('"GET / HTTP/1.1"'), 'bad-request-magic'],
    [
      'a payload above the limit',
      false,
      request(false, Command.Write, 0, 0n, 32n * 2n ** 20n + 1n),
      'payload-too-long',
    ],
    ['a payload of 2^64 - 1 bytes', true, request(true, Command.Write, 32, 0n, 2n ** 64n - 1n), 'payload-too-long'],
  ])('refuses %s', (_, extended, bytes, violation) => {
    const failing = () => feed(decoderOf(new RequestLog(), extended), bytes);
    expect(failing).toThrow(ProtocolError);
    expect(failing).toThrow(expect.objectContaining({ violation, phase: 'transmission' }));
  });

  it('accepts a payload of exactly the limit', () => {
    const log = new RequestLog();
    const decoder = new RequestDecoder(log, { extended: false, payloadBytesMax: 10 });
    feed(decoder, request(false, Command.Write, 0, 0n, 10n, pattern(10)));
    expect(log.targets).toEqual([pattern(10)]);
  });

  it('accepts or rejects any bytes without an exception of another kind', () => {
    const magic = fc.constantFrom(hex('25609513'), hex('21e41c71'), new Uint8Array(0));
    const garbage = fc.uint8Array({ maxLength: 200 });
    fc.assert(
      fc.property(magic, garbage, fc.boolean(), fc.integer({ min: 1, max: 50 }), (start, rest, extended, cut) => {
        const log = new RequestLog();
        const decoder = new RequestDecoder(log, { extended, payloadBytesMax: 100_000 });
        try {
          feed(decoder, concat(start, rest), () => cut);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
