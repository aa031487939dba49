/**
 * Strings on the wire ("Conventions" of the specification, G2): UTF-8, no NUL, at most 4096 bytes.
 *
 * What identifies something (context names) is decoded strictly, because two different byte strings must never look like the same name;
 * names of exports have a form of their own (`name.ts`). What is only shown (descriptions, error texts) is decoded with replacement
 * characters.
 */
import { UsageError } from '@nbdjs/interfaces';
import { Malformed } from '../malformed.ts';

/** The longest string on the wire (names, descriptions and error texts), in bytes. It is the specification's own bound. */
export const stringBytesMax = 4096;

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const patientDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Half of a surrogate pair: not a character, so it has no form in UTF-8. */
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Encodes a name or text for the wire. `what` names it in messages, such as `export name`.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when it holds NUL or half a surrogate pair, or has more than 4096 bytes.
 */
export function encodeText(text: string, what: string): Uint8Array {
  if (text.includes('\0')) throw new UsageError('ERR_NBD_ARGUMENT', `${what} ${quoted(text)} holds a NUL character`);
  if (loneSurrogate.test(text)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${what} ${quoted(text)} is not valid Unicode: half a surrogate pair`);
  }
  const bytes = encoder.encode(text);
  if (bytes.length > stringBytesMax) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `${what} ${quoted(text)} is too long: expected at most ${stringBytesMax} bytes of UTF-8, got ${bytes.length}`,
    );
  }
  return bytes;
}

/** Decodes a string that identifies something. */
export function decodeText(bytes: Uint8Array, what: string): string | Malformed {
  const fault = faultOf(bytes, what);
  if (fault !== undefined) return fault;
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return new Malformed('text-not-utf8', `the ${what} is not UTF-8`, 'G2');
  }
}

/**
 * Decodes a string that is only shown: NUL and bytes that are not UTF-8 become replacement characters, and a string that is too long is
 * cut.
 */
export function decodeDisplayText(bytes: Uint8Array): string {
  const isCut = bytes.length > stringBytesMax;
  const text = patientDecoder.decode(bytes.subarray(0, stringBytesMax)).replaceAll('\0', '\ufffd');
  return isCut ? `${text}...` : text;
}

/**
 * Converts text of a peer to one line for a log: control characters, line separators and characters that change the direction of writing
 * become blanks, runs of blanks become one, and the text is cut after `charactersMax` characters.
 */
export function printableText(text: string, charactersMax = 512): string {
  const line = text
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, ' ')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
  return cut(line, charactersMax);
}

/** Converts bytes of a peer, such as an error text of any length, to one line. */
export function printableBytes(bytes: Uint8Array, charactersMax = 512): string {
  // A character has at most four bytes, so nothing that could be shown is lost here, and the work stays bounded.
  return printableText(patientDecoder.decode(bytes.subarray(0, charactersMax * 4 + 64)), charactersMax);
}

/**
 * A name in quotes for messages, cut after 80 characters. NUL and bytes that are not UTF-8 (see `decodeName`) are written in hexadecimal.
 */
export function quoted(name: string): string {
  // A little more than is shown, so that the work stays bounded.
  const readable = name.slice(0, 400).replaceAll(strayByteOrNul, (half) => {
    return `\\x${(half.charCodeAt(0) & 0xff).toString(16).padStart(2, '0')}`;
  });
  return `'${printableText(readable, 80)}'`;
}

const strayByteOrNul = /\0|(?<![\ud800-\udbff])[\udc80-\udcff]/g;

function faultOf(bytes: Uint8Array, what: string): Malformed | undefined {
  if (bytes.length > stringBytesMax) {
    const message = `the ${what} is too long: expected at most ${stringBytesMax} bytes, got ${bytes.length}`;
    return new Malformed('text-too-long', message, 'G2');
  }
  return bytes.includes(0) ? new Malformed('text-with-nul', `the ${what} holds a NUL character`, 'G2') : undefined;
}

function cut(line: string, charactersMax: number): string {
  if (line.length <= charactersMax) return line;
  const end = line.charCodeAt(charactersMax - 1);
  // Never between the halves of a surrogate pair.
  const splitsPair = end >= 0xd800 && end < 0xdc00;
  return `${line.slice(0, splitsPair ? charactersMax - 1 : charactersMax)}...`;
}
