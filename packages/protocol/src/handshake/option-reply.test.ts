import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Option, OptionReply } from '../constants/constants.ts';
import { hex } from '../hex.testing.ts';
import { Malformed } from '../malformed.ts';
import { type KnownInfo, parseInfo } from './info.ts';
import {
  decodeOptionReplyHeader,
  encodeAckReply,
  encodeErrorReply,
  encodeInfoReply,
  encodeMetaContextReply,
  encodeServerReply,
  optionReplyHeaderBytes,
  parseMetaContextReply,
  parseServerReply,
} from './option-reply.ts';

const magic = '0003e889 045565a9';
const name = fc.string({ unit: 'grapheme', maxLength: 100 }).filter((text) => !text.includes('\0'));

describe('option replies', () => {
  it.each([
    ['ACK', encodeAckReply(Option.Go), '00000007 00000001 00000000'],
    ['error', encodeErrorReply(Option.List, OptionReply.ErrPolicy, 'no'), '00000003 80000002 00000002 "no"'],
    ['error without text', encodeErrorReply(0x4d, OptionReply.ErrUnsupported), '0000004d 80000001 00000000'],
    [
      'SERVER',
      encodeServerReply({ name: 'disk', description: 'mine' }),
      '00000003 00000002 0000000c 00000004 "disk" "mine"',
    ],
    [
      'INFO with EXPORT',
      encodeInfoReply(Option.Go, { kind: 'export', size: 0x1_0000_0000n, transmissionFlags: 0x0ced }),
      '00000007 00000003 0000000c 0000 0000000100000000 0ced',
    ],
    [
      'INFO with NAME',
      encodeInfoReply(Option.Info, { kind: 'name', name: 'disk' }),
      '00000006 00000003 00000006 0001 "disk"',
    ],
    [
      'INFO with DESCRIPTION',
      encodeInfoReply(Option.Info, { kind: 'description', description: '' }),
      '00000006 00000003 00000002 0002',
    ],
    [
      'INFO with BLOCK_SIZE',
      encodeInfoReply(Option.Go, {
        kind: 'block-size',
        blockSizes: { minimum: 1, preferred: 4096, maximum: 0xffff_ffff },
      }),
      '00000007 00000003 0000000e 0003 00000001 00001000 ffffffff',
    ],
    [
      'META_CONTEXT',
      encodeMetaContextReply(Option.SetMetaContext, { id: 7, name: 'base:allocation' }),
      '0000000a 00000004 00000013 00000007 "base:allocation"',
    ],
  ])('%s is encoded as "Option reply types" specifies', (_, bytes, notation) => {
    expect(bytes).toEqual(hex(`${magic} ${notation}`));
  });

  it('begin with a header of 20 bytes', () => {
    const bytes = encodeErrorReply(Option.List, OptionReply.ErrPolicy, 'no').subarray(0, optionReplyHeaderBytes);
    expect(decodeOptionReplyHeader(bytes)).toEqual({ option: Option.List, type: OptionReply.ErrPolicy, length: 2 });
    expect(decodeOptionReplyHeader(hex('0003e889 045565aa 00000003 00000001 00000000'))).toMatchObject({
      violation: 'bad-option-reply-magic',
      rule: 'C18',
    });
  });

  it('round trip: SERVER and META_CONTEXT come back', () => {
    fc.assert(
      fc.property(name, name, fc.nat(0xffff_ffff), (first, second, id) => {
        const entry = { name: first, description: second };
        expect(parseServerReply(encodeServerReply(entry).subarray(optionReplyHeaderBytes))).toEqual(entry);
        const context = { id, name: `n:${first}` };
        const reply = encodeMetaContextReply(Option.SetMetaContext, context).subarray(optionReplyHeaderBytes);
        expect(parseMetaContextReply(reply)).toEqual(context);
      }),
    );
  });

  it('round trip: INFO comes back', () => {
    const power = (max: number) => fc.nat(max).map((exponent) => 2 ** exponent);
    const info: fc.Arbitrary<KnownInfo> = fc.oneof(
      fc.record({
        kind: fc.constant('export' as const),
        size: fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }),
        transmissionFlags: fc.nat(0xffff),
      }),
      fc.record({ kind: fc.constant('name' as const), name }),
      fc.record({ kind: fc.constant('description' as const), description: name }),
      fc.tuple(power(16), power(15), power(16)).map(([minimum, factor, count]) => ({
        kind: 'block-size' as const,
        blockSizes: {
          minimum,
          preferred: Math.min(minimum * factor, 2 ** 31),
          maximum: Math.min(minimum * count, 0xffff_ffff),
        },
      })),
    );
    fc.assert(
      fc.property(info, (value) => {
        expect(parseInfo(encodeInfoReply(Option.Go, value).subarray(optionReplyHeaderBytes))).toEqual(value);
      }),
    );
  });

  it.each([
    ['no UTF-8', '00000002 61ff "it is"', { name: 'a\udcff', description: 'it is', fault: 'is not UTF-8' }],
    ['NUL', '00000003 610062', { name: 'a\0b', description: '', fault: 'holds a NUL character' }],
    [
      '4097 bytes',
      `00001001 ${'61'.repeat(4097)}`,
      { name: 'a'.repeat(4097), description: '', fault: 'is longer than 4096 bytes' },
    ],
    ['only a bad description', '00000001 61 ff00', { name: 'a', description: '\ufffd\ufffd' }],
  ])('F31: SERVER with %s is accepted, and marked', (_, bytes, entry) => {
    expect(parseServerReply(hex(bytes))).toEqual(entry);
  });

  it('F31: names in INFO and META_CONTEXT are any bytes, too', () => {
    expect(parseInfo(hex('0001 61ff'))).toEqual({ kind: 'name', name: 'a\udcff' });
    expect(parseMetaContextReply(hex('00000001 "a:" ff'))).toEqual({ id: 1, name: 'a:\udcff' });
  });

  it.each([
    ['SERVER without a length', () => parseServerReply(hex('000000')), 'payload-too-short'],
    ['SERVER whose name is longer than the reply', () => parseServerReply(hex('00000005 "disk"')), 'payload-too-short'],
    ['META_CONTEXT without an id', () => parseMetaContextReply(hex('0000')), 'payload-too-short'],
    ['META_CONTEXT without a name', () => parseMetaContextReply(hex('00000001')), 'payload-too-short'],
    ['INFO without a type', () => parseInfo(hex('00')), 'payload-too-short'],
    ['EXPORT of 11 bytes', () => parseInfo(hex('0000 0000000000000000 00')), 'payload-too-short'],
    ['EXPORT of 13 bytes', () => parseInfo(hex('0000 0000000000000000 0000 00')), 'payload-too-long'],
    ['BLOCK_SIZE of 13 bytes', () => parseInfo(hex('0003 00000001 00001000 ffffff')), 'payload-too-short'],
    ['BLOCK_SIZE of 15 bytes', () => parseInfo(hex('0003 00000001 00001000 ffffffff 00')), 'payload-too-long'],
    ['minimum 0', () => parseInfo(hex('0003 00000000 00001000 ffffffff')), 'bad-minimum-block-size'],
    ['minimum 3', () => parseInfo(hex('0003 00000003 00001000 ffffffff')), 'bad-minimum-block-size'],
    ['minimum 64 MiB', () => parseInfo(hex('0003 04000000 04000000 ffffffff')), 'bad-minimum-block-size'],
    ['preferred 0', () => parseInfo(hex('0003 00000001 00000000 ffffffff')), 'bad-preferred-block-size'],
    ['preferred below minimum', () => parseInfo(hex('0003 00001000 00000800 ffffffff')), 'bad-preferred-block-size'],
    ['maximum below minimum', () => parseInfo(hex('0003 00001000 00001000 00000800')), 'bad-maximum-block-size'],
  ])('%s is malformed', (_, parse, violation) => {
    expect(parse()).toMatchObject({ violation });
    expect(parse()).toBeInstanceOf(Malformed);
  });

  it.each([
    ['minimum 65536', '00010000 00010000 ffffffff'],
    ['A12: minimum 2 MiB, which it must not be', '00200000 00200000 ffffffff'],
    ['preferred 256, which some servers send', '00000001 00000100 ffffffff'],
    ['preferred 2^31', '00000001 80000000 ffffffff'],
    ['a maximum below the preferred size, for a small export', '00000200 00001000 00000400'],
  ])('S13: %s is accepted', (_, notation) => {
    expect(parseInfo(hex(`0003 ${notation}`))).toMatchObject({ kind: 'block-size' });
  });

  it('C12: an unknown kind of information is reported as unknown', () => {
    expect(parseInfo(hex('0004 ff00ff'))).toEqual({ kind: 'unknown', infoType: 4 });
  });

  it('accepts or rejects any bytes without an exception of another kind', () => {
    const parsers = [parseInfo, parseServerReply, parseMetaContextReply];
    fc.assert(
      fc.property(fc.constantFrom(...parsers), fc.uint8Array({ maxLength: 40 }), (parse, payload) => {
        expect(typeof parse(payload)).toBe('object');
      }),
      { numRuns: 2000 },
    );
  });
});
