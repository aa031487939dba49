/**
 * Names of exports, which may break the rules of strings ("Conventions" of the specification, G2): some servers take their names
 * from file systems, whose names are any bytes.
 *
 * A name is nevertheless a string, and stands for exactly one sequence of bytes. A byte that is not part of UTF-8 is written as half
 * a surrogate pair, U+DC80 to U+DCFF for 0x80 to 0xff, as Python does (PEP 383). That is no character, so it cannot be confused with
 * a part of another name.
 */
import { UsageError } from '@nbdjs/interfaces';
import { encodeText, quoted, stringBytesMax } from './text.ts';

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Half a surrogate pair, whether it stands for a byte or not. */
const loneSurrogate = /\p{Surrogate}/u;
/** Bytes that are not part of UTF-8, in a name. */
const strayBytes = /(?<![\ud800-\udbff])[\udc80-\udcff]+/g;
/** A stray byte is added to this number. */
const strayBase = 0xdc00;

/** Bytes as a name; `encodeName` gives back the same bytes. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    return decodeByParts(bytes);
  }
}

/**
 * The bytes of a name.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` when it has more than 4096 bytes, or half a surrogate pair that stands for no byte.
 */
export function encodeName(name: string, what = 'export name'): Uint8Array {
  if (!loneSurrogate.test(name) && !name.includes('\0')) return encodeText(name, what);
  const parts = partsOf(name).map((part) => (isStray(part) ? strayOf(part) : encoder.encode(part)));
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  if (bytes.length > stringBytesMax) {
    const message = `${what} ${quoted(name)} is too long: expected at most ${stringBytesMax} bytes, got ${bytes.length}`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  // Other halves have become U+FFFD, and bytes that are UTF-8 together have to be written as their character.
  if (decodeName(bytes) !== name) {
    throw new UsageError('ERR_NBD_ARGUMENT', `${what} ${quoted(name)} is not valid Unicode: half a surrogate pair`);
  }
  return bytes;
}

/** Which rule of strings a name breaks, as words to follow it (`is not UTF-8`); `undefined` for a good one. */
export function faultOfName(name: string): string | undefined {
  if (loneSurrogate.test(name)) return 'is not UTF-8';
  if (name.includes('\0')) return 'holds a NUL character';
  const byteCount = name.length * 3 > stringBytesMax ? encoder.encode(name).length : 0;
  return byteCount > stringBytesMax ? `is longer than ${stringBytesMax} bytes` : undefined;
}

/** Cuts a name into parts: of characters, and of stray bytes. */
export function partsOf(name: string): readonly string[] {
  const parts: string[] = [];
  let position = 0;
  for (const match of name.matchAll(strayBytes)) {
    if (match.index > position) parts.push(name.slice(position, match.index));
    parts.push(match[0]);
    position = match.index + match[0].length;
  }
  if (position < name.length) parts.push(name.slice(position));
  return parts;
}

/** Whether a part is one of stray bytes. */
export function isStray(part: string): boolean {
  const first = part.charCodeAt(0) - strayBase;
  return first >= 0x80 && first <= 0xff;
}

/** The bytes of a part of stray bytes. */
export function strayOf(part: string): Uint8Array {
  return Uint8Array.from(part, (half) => half.charCodeAt(0) - strayBase);
}

/** Of bytes that are not all UTF-8. */
function decodeByParts(bytes: Uint8Array): string {
  let name = '';
  for (let position = 0; position < bytes.length; ) {
    const character = characterAt(bytes, position);
    const [text, byteCount] = character ?? [String.fromCharCode(strayBase + (bytes[position] ?? 0)), 1];
    name += text;
    position += byteCount;
  }
  return name;
}

/** The character that begins there, and its length in bytes. */
function characterAt(bytes: Uint8Array, position: number): readonly [string, number] | undefined {
  const lead = bytes[position] ?? 0;
  const byteCount = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  try {
    return [strictDecoder.decode(bytes.subarray(position, position + byteCount)), byteCount];
  } catch {
    return undefined;
  }
}
