import { UsageError } from '@nbdjs/interfaces';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeDisplayText, decodeText, encodeText, printableBytes, printableText, quoted } from './text.ts';

describe('strings on the wire', () => {
  it('G2: every string of Unicode characters comes back unchanged, up to 4096 bytes', { tags: ['slow'] }, () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 1024 }), (text) => {
        fc.pre(!text.includes('\0') && new TextEncoder().encode(text).length <= 4096);
        expect(decodeText(encodeText(text, 'name'), 'name')).toBe(text);
      }),
    );
    expect(encodeText('ä'.repeat(2048), 'name')).toHaveLength(4096);
  });

  it('G2: a byte order mark belongs to the name', () => {
    expect(decodeText(encodeText('\ufeffx', 'name'), 'name')).toBe('\ufeffx');
  });

  it.each([
    ['too long', 'ä'.repeat(2049), /too long: expected at most 4096 bytes of UTF-8, got 4098/],
    ['with NUL', 'a\0b', /holds a NUL character/],
    ['with half a surrogate pair', 'a\ud800', /half a surrogate pair/],
  ])('G2: a string %s is refused before it is sent', (_, text, message) => {
    expect(() => encodeText(text, 'export name')).toThrow(UsageError);
    expect(() => encodeText(text, 'export name')).toThrow(message);
  });

  it.each([
    ['too long', new Uint8Array(4097).fill(0x61), 'text-too-long'],
    ['with NUL', Uint8Array.of(0x61, 0), 'text-with-nul'],
    ['that is not UTF-8', Uint8Array.of(0xff), 'text-not-utf8'],
    ['that hides a slash in an overlong form', Uint8Array.of(0xc0, 0xaf), 'text-not-utf8'],
    ['with half a surrogate pair', Uint8Array.of(0xed, 0xa0, 0x80), 'text-not-utf8'],
  ])('G2: a received name %s is malformed', (_, bytes, violation) => {
    expect(decodeText(bytes, 'name')).toMatchObject({ violation, rule: 'G2' });
  });

  it('shows as much of a description as it can, within the bounds of G2', () => {
    expect(decodeDisplayText(Uint8Array.of(0x61, 0xff, 0x62))).toBe('a\ufffdb');
    expect(decodeDisplayText(Uint8Array.of(0x61, 0, 0x62))).toBe('a\ufffdb');
    expect(decodeDisplayText(new Uint8Array(4097).fill(0x61))).toBe(`${'a'.repeat(4096)}...`);
  });
});

describe('text of a peer in one line of a message', () => {
  it('has no control characters and no changes of direction', () => {
    expect(printableText('a\r\nb\t\u001b[31mc\u202ed\u2028e')).toBe('a b [31mc d e');
  });

  it('is cut off, never between the halves of a surrogate pair', () => {
    expect(printableText('x'.repeat(600))).toBe(`${'x'.repeat(512)}...`);
    expect(printableText('ab😀', 3)).toBe('ab...');
  });

  it('is one bounded line for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 6000 }), (bytes) => {
        const line = printableBytes(bytes);
        expect(line.length).toBeLessThanOrEqual(515);
        expect(line).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it('names long exports by their first 80 characters', () => {
    expect(quoted('e'.repeat(100))).toBe(`'${'e'.repeat(80)}...'`);
  });
});
