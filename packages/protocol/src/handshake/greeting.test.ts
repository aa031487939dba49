import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../hex.testing.ts';
import {
  decodeClientFlags,
  decodeExportNameReply,
  decodeHandshakeFlags,
  decodeOldstyleExport,
  decodeServerMagic,
  encodeClientFlags,
  encodeExportNameReply,
  encodeGreeting,
  exportNameReplyBytes,
  GreetingBytes,
  isInitialMagic,
} from './greeting.ts';

const zeroes124 = '00'.repeat(124);
const u16 = fc.integer({ min: 0, max: 0xffff });
const u64 = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });

describe('greeting', () => {
  it('is 18 bytes in the newstyle: "Newstyle negotiation"', () => {
    const bytes = encodeGreeting({ style: 'newstyle', handshakeFlags: 3 });
    expect(bytes).toEqual(hex('"NBDMAGIC" "IHAVEOPT" 0003'));
    expect(isInitialMagic(bytes)).toBe(true);
    expect(decodeServerMagic(bytes.subarray(8))).toBe('newstyle');
    expect(decodeHandshakeFlags(bytes.subarray(16))).toBe(3);
  });

  it('is 152 bytes in the oldstyle: "Oldstyle negotiation"', () => {
    const exported = { size: 0x1_0000_0200n, handshakeFlags: 0, transmissionFlags: 0x0103 };
    const bytes = encodeGreeting({ style: 'oldstyle', ...exported });
    expect(bytes).toEqual(hex(`"NBDMAGIC" 00004202 81861253 0000000100000200 0000 0103 ${zeroes124}`));
    expect(decodeServerMagic(bytes.subarray(8))).toBe('oldstyle');
    expect(decodeOldstyleExport(bytes.subarray(16))).toEqual(exported);
    expect(bytes).toHaveLength(16 + GreetingBytes.oldstyleExport);
  });

  it('rejects other first bytes', () => {
    expect(isInitialMagic(hex('"HTTP/1.1"'))).toBe(false);
    expect(decodeServerMagic(hex('"IHAVEOPS"'))).toBeUndefined();
  });

  it('is answered by 32 bits of client flags', () => {
    expect(encodeClientFlags(3)).toEqual(hex('00000003'));
    expect(decodeClientFlags(hex('80000001'))).toBe(0x8000_0001);
  });

  it('round trip: decoding gives back what was encoded', () => {
    fc.assert(
      fc.property(u64, u16, u16, (size, handshakeFlags, transmissionFlags) => {
        const exported = { size, handshakeFlags, transmissionFlags };
        expect(decodeOldstyleExport(encodeGreeting({ style: 'oldstyle', ...exported }).subarray(16))).toEqual(exported);
      }),
    );
  });
});

describe('answer to EXPORT_NAME', () => {
  it('C15: ends with 124 zeroes unless NO_ZEROES was agreed on', () => {
    const reply = { size: 1024n, transmissionFlags: 5 };
    expect(encodeExportNameReply(reply, true)).toEqual(hex('0000000000000400 0005'));
    expect(encodeExportNameReply(reply, false)).toEqual(hex(`0000000000000400 0005 ${zeroes124}`));
    expect([exportNameReplyBytes(true), exportNameReplyBytes(false)]).toEqual([10, 134]);
  });

  it('round trip: decoding gives back what was encoded', () => {
    fc.assert(
      fc.property(u64, u16, fc.boolean(), (size, transmissionFlags, noZeroes) => {
        const reply = { size, transmissionFlags };
        expect(decodeExportNameReply(encodeExportNameReply(reply, noZeroes))).toEqual(reply);
      }),
    );
  });
});
