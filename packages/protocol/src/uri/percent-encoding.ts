/** Percent-encoding of RFC 3986, for the parts of an NBD URI. */
import { decodeName, isStray, partsOf, strayOf } from '../text/name.ts';

/** Decodes; `undefined` when a `%` is out of place or the bytes are not UTF-8. `+` stands for itself. */
export function decodePercent(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** The same for a name, whose bytes may be any; `undefined` when a `%` is out of place or a character has no form in UTF-8. */
export function decodePercentName(text: string): string | undefined {
  const decoded = decodePercent(text);
  if (decoded !== undefined) return decoded;
  if (/%(?![0-9A-Fa-f]{2})/.test(text) || /\p{Surrogate}/u.test(text)) return undefined;
  const bytes: number[] = [];
  for (const part of text.split(/(%[0-9A-Fa-f]{2})/)) {
    if (part.startsWith('%')) bytes.push(Number.parseInt(part.slice(1), 16));
    else bytes.push(...new TextEncoder().encode(part));
  }
  return decodeName(Uint8Array.from(bytes));
}

/** Characters that may stand unencoded in a path besides those that `encodeURIComponent` leaves alone. */
const pathSafe = /%(2F|3B|40|26|3D|2B|24|2C)/g;

/** Characters that may stand unencoded in a value of our query: separators of keys and values excepted. */
const querySafe = /%(2F|3A|40|24|2C)/g;

/** Encodes an export name for a path: slashes and `; @ & = + $ ,` stay readable, as other NBD programs print them. */
export function encodePath(name: string): string {
  const encode = (text: string) => encodeURIComponent(wellFormed(text)).replace(pathSafe, decodeURIComponent);
  return partsOf(name)
    .map((part) => (isStray(part) ? encodeBytes(strayOf(part)) : encode(part)))
    .join('');
}

function encodeBytes(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

/** Encodes a parameter's value; slashes stay, so that a socket's path remains readable. */
export function encodeQuery(text: string): string {
  return encodeURIComponent(wellFormed(text)).replace(querySafe, decodeURIComponent);
}

/** A lone surrogate has no UTF-8 form; it becomes U+FFFD rather than an exception. */
function wellFormed(text: string): string {
  return text.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd');
}
