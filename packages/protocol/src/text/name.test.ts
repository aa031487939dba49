import { UsageError } from '@nbdjs/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hex } from '../hex.testing.ts';
import { formatUri } from '../uri/format-uri.ts';
import { parseUri } from '../uri/parse-uri.ts';
import { decodeName, encodeName, faultOfName } from './name.ts';
import { quoted } from './text.ts';

/** Bytes of UTF-8 and others in turn. */
const anyBytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 6 }),
      fc.string({ unit: 'binary', maxLength: 6 }).map((text) => new TextEncoder().encode(text)),
    ),
  )
  .map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

describe('F31: names of exports', () => {
  it('stand for exactly one sequence of bytes, whose values may be any', () => {
    const seen = new Map<string, string>();
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const name = decodeName(bytes);
        expect(encodeName(name)).toEqual(bytes);
        const before = seen.get(name);
        if (before !== undefined) expect(bytes.toString()).toBe(before);
        seen.set(name, bytes.toString());
        expect(parseUri(formatUri({ ...parseUri('nbd://host'), exportName: name })).exportName).toBe(name);
      }),
    );
  });

  it.each([
    ['disk', '"disk"', undefined, "'disk'", 'disk'],
    ['bad\udcff', '"bad" ff', 'is not UTF-8', String.raw`'bad\xff'`, 'bad%FF'],
    ['ö\udcc3', 'c3b6 c3', 'is not UTF-8', String.raw`'ö\xc3'`, '%C3%B6%C3'],
    ['\udcc0\udcaf', 'c0af', 'is not UTF-8', String.raw`'\xc0\xaf'`, '%C0%AF'],
    ['\udced\udca0\udc80x', 'eda080 "x"', 'is not UTF-8', String.raw`'\xed\xa0\x80x'`, '%ED%A0%80x'],
    ['\ud83d\ude00\udc80', 'f09f9880 80', 'is not UTF-8', String.raw`'😀\x80'`, '%F0%9F%98%80%80'],
    ['x\0y', '"x" 00 "y"', 'holds a NUL character', String.raw`'x\x00y'`, 'x%00y'],
  ])('%j', (name, bytes, fault, shown, path) => {
    expect(decodeName(hex(bytes))).toBe(name);
    expect(encodeName(name)).toEqual(hex(bytes));
    expect(faultOfName(name)).toBe(fault);
    expect(quoted(name)).toBe(shown);
    expect(parseUri(`nbd://host/${path}`).exportName).toBe(name);
    expect(formatUri({ ...parseUri('nbd://host'), exportName: name })).toBe(`nbd://host/${path}`);
  });

  it('of more than 4096 bytes are reported, and are not sent', () => {
    expect(faultOfName('ö'.repeat(2048))).toBeUndefined();
    expect(faultOfName('ö'.repeat(2049))).toBe('is longer than 4096 bytes');
    for (const name of ['x'.repeat(4097), `\udcff${'x'.repeat(4096)}`]) {
      expect(() => encodeName(name)).toThrow(/too long: expected at most 4096 bytes/);
      expect(() => parseUri(`nbd://host/${name.replace('\udcff', '%ff')}`)).toThrow('4097 bytes');
    }
  });

  it.each([
    ['a half that stands for no byte', 'a\ud800'],
    ['a half that stands for a character', 'a\udc41'],
    ['bytes that are a character together', '\udcc3\udcb6'],
  ])('with %s are refused', (_, name) => {
    expect(() => encodeName(name)).toThrow(UsageError);
    expect(() => encodeName(name)).toThrow('half a surrogate pair');
  });
});
