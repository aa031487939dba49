import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Command, CommandFlag } from '../constants/constants.ts';
import { hex } from '../hex.testing.ts';
import {
  decodeBlockStatusPayload,
  encodeBlockStatusPayload,
  requestHeaderBytes,
  writeExtendedRequest,
  writeRequest,
} from './request.ts';

/** Memory for one header, at a place that shows what is written around it. */
function written(length: number, write: (view: DataView, position: number) => void): Uint8Array {
  const bytes = new Uint8Array(length + 6).fill(0xee);
  write(new DataView(bytes.buffer), 3);
  expect([...bytes.subarray(0, 3), ...bytes.subarray(length + 3)]).toEqual(new Array(6).fill(0xee));
  return bytes.slice(3, length + 3);
}

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

describe('request', () => {
  it('is 28 bytes with compact headers: "Request message"', () => {
    const bytes = written(28, (view, position) =>
      writeRequest(view, position, 0, Command.Read, 0x0102_0304, 0x0506_0708, 1, 0x200, 0x1000),
    );
    expect(bytes).toEqual(hex('25609513 0000 0000 0102030405060708 0000000100000200 00001000'));
    expect(requestHeaderBytes(false)).toBe(28);
  });

  it('C63: is 32 bytes with extended headers: "Extended request message"', () => {
    const flags = CommandFlag.Fua | CommandFlag.PayloadLen;
    const bytes = written(32, (view, position) =>
      writeExtendedRequest(
        view,
        position,
        flags,
        Command.Write,
        0xffff_ffff,
        0xffff_fffe,
        0x7fff_ffff,
        0x8000_0000,
        2,
        4,
      ),
    );
    expect(bytes).toEqual(hex('21e41c71 0021 0001 fffffffffffffffe 7fffffff80000000 0000000200000004'));
    expect(requestHeaderBytes(true)).toBe(32);
  });

  it.each([
    ['READ', 0],
    ['WRITE', 1],
    ['DISC', 2],
    ['FLUSH', 3],
    ['TRIM', 4],
    ['CACHE', 5],
    ['WRITE_ZEROES', 6],
    ['BLOCK_STATUS', 7],
  ])('%s has the number %i', (_, type) => {
    const bytes = written(28, (view, position) => writeRequest(view, position, 0, type, 0, 0, 0, 0, 0));
    expect(bytes).toEqual(hex(`25609513 0000 000${type} 0000000000000000 0000000000000000 00000000`));
  });

  it('takes every number that fits its field', () => {
    fc.assert(
      fc.property(u32, u32, u32, u32, u32, (cookieHigh, cookieLow, offsetHigh, offsetLow, length) => {
        const bytes = written(28, (view, position) =>
          writeRequest(view, position, 0xffff, 0x8000, cookieHigh, cookieLow, offsetHigh, offsetLow, length),
        );
        const view = new DataView(bytes.buffer);
        expect(view.getBigUint64(8)).toBe((BigInt(cookieHigh) << 32n) | BigInt(cookieLow));
        expect(view.getBigUint64(16)).toBe((BigInt(offsetHigh) << 32n) | BigInt(offsetLow));
        expect(view.getUint32(24)).toBe(length);
      }),
    );
  });
});

describe('payload of a block status request', () => {
  it('C71: is the effect length and the contexts that are wanted', () => {
    const bytes = encodeBlockStatusPayload(0x1_0000_0000_0000n, [7, 0xffff_ffff]);
    expect(bytes).toEqual(hex('0001000000000000 00000007 ffffffff'));
    expect(decodeBlockStatusPayload(bytes)).toEqual({
      effectLength: 0x1_0000_0000_0000n,
      contextIds: [7, 0xffff_ffff],
    });
  });

  it('round trip: decoding gives back what was encoded', () => {
    const ids = fc.array(u32, { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), ids, (effectLength, contextIds) => {
        const bytes = encodeBlockStatusPayload(effectLength, contextIds);
        expect(bytes).toHaveLength(8 + 4 * contextIds.length);
        // Anywhere in memory.
        const elsewhere = new Uint8Array(bytes.length + 5);
        elsewhere.set(bytes, 5);
        expect(decodeBlockStatusPayload(elsewhere.subarray(5))).toEqual({ effectLength, contextIds });
      }),
    );
  });

  it.each([0, 7, 8, 9, 11, 13, 15])('S74: %i bytes are no such payload', (length) => {
    expect(decodeBlockStatusPayload(new Uint8Array(length))).toBeUndefined();
  });
});
