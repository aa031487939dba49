import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Option } from '../constants/constants.ts';
import { hex } from '../hex.testing.ts';
import { Malformed } from '../malformed.ts';
import {
  decodeOptionHeader,
  encodeOption,
  encodeOptionRequest,
  type OptionRequest,
  optionHeaderBytes,
  parseOptionRequest,
} from './option-request.ts';

const golden: readonly (readonly [string, OptionRequest, string])[] = [
  ['EXPORT_NAME', { option: Option.ExportName, exportName: 'disk' }, '00000001 00000004 "disk"'],
  ['ABORT', { option: Option.Abort }, '00000002 00000000'],
  ['LIST', { option: Option.List }, '00000003 00000000'],
  ['STARTTLS', { option: Option.StartTls }, '00000005 00000000'],
  ['INFO', { option: Option.Info, exportName: '', infoTypes: [] }, '00000006 00000006 00000000 0000'],
  [
    'GO',
    { option: Option.Go, exportName: 'disk', infoTypes: [3, 1] },
    '00000007 0000000e 00000004 "disk" 0002 0003 0001',
  ],
  ['STRUCTURED_REPLY', { option: Option.StructuredReply }, '00000008 00000000'],
  [
    'LIST_META_CONTEXT',
    { option: Option.ListMetaContext, exportName: 'd', queries: [] },
    '00000009 00000009 00000001 "d" 00000000',
  ],
  [
    'SET_META_CONTEXT',
    { option: Option.SetMetaContext, exportName: 'd', queries: ['base:allocation', 'qemu:'] },
    '0000000a 00000025 00000001 "d" 00000002 0000000f "base:allocation" 00000005 "qemu:"',
  ],
  ['EXTENDED_HEADERS', { option: Option.ExtendedHeaders }, '0000000b 00000000'],
];

/** Decodes a whole option as a server does. */
function decode(bytes: Uint8Array) {
  const header = decodeOptionHeader(bytes.subarray(0, optionHeaderBytes));
  if (header instanceof Malformed) return header;
  const payload = bytes.subarray(optionHeaderBytes);
  expect(header.length).toBe(payload.length);
  return parseOptionRequest(header.option, payload);
}

describe('options', () => {
  it.each(golden)('%s is encoded as "Option types" specifies', (_, request, notation) => {
    expect(encodeOptionRequest(request)).toEqual(hex(`"IHAVEOPT" ${notation}`));
    expect(decode(hex(`"IHAVEOPT" ${notation}`))).toEqual(request);
  });

  it('round trip: decoding gives back what was encoded', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 100 }).filter((text) => !text.includes('\0'));
    const request: fc.Arbitrary<OptionRequest> = fc.oneof(
      fc.record({ option: fc.constant(Option.ExportName), exportName: name }),
      fc.record({
        option: fc.constantFrom(Option.Info, Option.Go),
        exportName: name,
        infoTypes: fc.array(fc.integer({ min: 0, max: 0xffff })),
      }),
      fc.record({
        option: fc.constantFrom(Option.ListMetaContext, Option.SetMetaContext),
        exportName: name,
        queries: fc.array(name),
      }),
      fc.record({ option: fc.constantFrom(Option.Abort, Option.List, Option.StartTls, Option.ExtendedHeaders) }),
    );
    fc.assert(
      fc.property(request, (value) => {
        expect(decode(encodeOptionRequest(value))).toEqual(value);
      }),
    );
  });

  it('S3: an unknown option gives `undefined`, so that it can be answered with UNSUP', () => {
    expect(parseOptionRequest(0x4d, hex('ffff'))).toBeUndefined();
    expect(parseOptionRequest(Option.PeekExport, hex(''))).toBeUndefined();
    expect(encodeOption(0x4d, hex('ffff'))).toEqual(hex('"IHAVEOPT" 0000004d 00000002 ffff'));
  });

  it('S4: data with ABORT is ignored', () => {
    expect(parseOptionRequest(Option.Abort, hex('"bye"'))).toEqual({ option: Option.Abort });
  });

  it('rejects another magic', () => {
    expect(decodeOptionHeader(hex('"IHAVEOPS" 00000001 00000000'))).toMatchObject({ violation: 'bad-option-magic' });
  });

  it.each([
    ['S5: data with LIST', Option.List, '00', 'unexpected-payload'],
    ['S5: data with STARTTLS', Option.StartTls, '00', 'unexpected-payload'],
    ['S5: data with STRUCTURED_REPLY', Option.StructuredReply, '00', 'unexpected-payload'],
    ['S5: data with EXTENDED_HEADERS', Option.ExtendedHeaders, '00', 'unexpected-payload'],
    ['G2: an export name with NUL', Option.ExportName, '"a" 00', 'text-with-nul'],
    ['S10: GO without a length', Option.Go, '0000', 'payload-too-short'],
    ['S10: a name that is longer than the option', Option.Go, '00000007 "disk" 0000', 'payload-too-short'],
    ['S10: a name of 2^32 - 1 bytes', Option.Info, 'ffffffff "disk" 0000', 'payload-too-short'],
    ['S10: fewer information requests than announced', Option.Go, '00000000 0002 0003', 'wrong-count'],
    ['S10: more information requests than announced', Option.Go, '00000000 0000 0003', 'wrong-count'],
    ['S29: fewer queries than announced', Option.SetMetaContext, '00000000 00000001', 'payload-too-short'],
    ['S29: 2^32 - 1 queries', Option.ListMetaContext, '00000000 ffffffff 00000000', 'payload-too-short'],
    ['S29: bytes after the last query', Option.SetMetaContext, '00000000 00000000 00', 'payload-too-long'],
    ['G2: a query that is not UTF-8', Option.SetMetaContext, '00000000 00000001 00000001 ff', 'text-not-utf8'],
  ])('%s is malformed', (_, option, notation, violation) => {
    expect(parseOptionRequest(option, hex(notation))).toMatchObject({ violation });
    expect(parseOptionRequest(option, hex(notation))).toBeInstanceOf(Malformed);
  });

  it('accepts or rejects any bytes without an exception of another kind', () => {
    const option = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(option, fc.uint8Array({ maxLength: 64 }), (number, payload) => {
        const request = parseOptionRequest(number, payload);
        if (request === undefined || request instanceof Malformed || number === Option.Abort) return;
        expect(encodeOptionRequest(request).subarray(optionHeaderBytes)).toEqual(payload);
      }),
      { numRuns: 2000 },
    );
  });
});
