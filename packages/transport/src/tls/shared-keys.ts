/** Keys that both sides have beforehand, one for each user, in files of the form that GnuTLS and QEMU use. */
import { UsageError } from '@nbdjs/interfaces';
import { readText, wrong } from './files.ts';

/** What Node's `tls` takes at most. */
const keyBytesMax = 64;
const userBytesMax = 128;

/** A user whose name is written in hexadecimal digits, for instance because it has a colon, as GnuTLS's psktool does. */
const hexUser = /^#((?:[0-9a-f]{2})+):/i;

/**
 * Reads a file of lines `user:hexkey` or `#hexuser:hexkey`. Empty lines are left out, and so are comments: all others that begin with
 * `#`.
 *
 * @throws UsageError with the number of the line that is wrong.
 */
export function readSharedKeys(file: string): ReadonlyMap<string, Uint8Array> {
  const text = readText(file);
  if (text === undefined) throw wrong(file, 'there is no such file of shared keys');
  const keys = new Map<string, Uint8Array>();
  const lines = text.split(/\r?\n/);
  for (const [index, line] of lines.entries()) {
    if (line.trim() === '' || isComment(line)) continue;
    const [user, key] = parseLine(line, `${file}, line ${index + 1}`);
    if (keys.has(user)) throw wrong(`${file}, line ${index + 1}`, `user '${user}' is given twice`);
    keys.set(user, key);
  }
  if (keys.size > 0) return keys;
  const number = lines.findIndex(isComment) + 1;
  const comment = number === 0 ? '' : `, and line ${number} is a comment`;
  throw wrong(file, `there is no key in it${comment}: expected lines of user:hexkey, or #hexuser:hexkey`);
}

function isComment(line: string): boolean {
  return line.startsWith('#') && !hexUser.test(line);
}

/** @throws UsageError when the user's name or the key is too long, or empty, or the name could not be shown. */
export function checkSharedKey(user: string, key: Uint8Array, place = 'tls.psk'): void {
  checkUser(user, place);
  if (!(key instanceof Uint8Array) || key.length < 1 || key.length > keyBytesMax) {
    throw wrong(place, `the key of user '${user}' has ${key?.length ?? 'no'} bytes, expected 1 to ${keyBytesMax}`);
  }
}

/** Names go into messages, so they are checked first. */
function checkUser(user: string, place: string): void {
  const userBytes = Buffer.byteLength(user);
  if (userBytes < 1 || userBytes > userBytesMax) {
    throw wrong(place, `a user's name has ${userBytes} bytes, expected 1 to ${userBytesMax}`);
  }
  if (/\p{Cc}/u.test(user)) throw wrong(place, "a user's name has control characters in it");
}

function parseLine(line: string, place: string): [string, Uint8Array] {
  const colon = line.lastIndexOf(':');
  if (colon < 0) throw wrong(place, "there is no ':' in it, expected user:hexkey");
  const user = nameOfUser(line, colon, place);
  checkUser(user, place);
  const hex = line.slice(colon + 1).trim();
  if (!/^[0-9a-f]*$/i.test(hex)) throw wrong(place, `the key of user '${user}' is not made of hexadecimal digits`);
  if (hex.length % 2 !== 0)
    throw wrong(place, `the key of user '${user}' has ${hex.length} digits, expected an even number`);
  const key = new Uint8Array(Buffer.from(hex, 'hex'));
  checkSharedKey(user, key, place);
  return [user, key];
}

function nameOfUser(line: string, colon: number, place: string): string {
  const hex = hexUser.exec(line)?.[1];
  if (hex === undefined) return line.slice(0, colon);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(hex, 'hex'));
  } catch (cause) {
    throw wrong(place, "a user's name, in hexadecimal digits after the '#', is not UTF-8", cause);
  }
}

/** Returns the user whose key a client uses when none is named: the only one in the file, else the user who is logged in. */
export function chooseUser(
  keys: ReadonlyMap<string, Uint8Array>,
  file: string,
  named: string | undefined,
  login: () => string,
): { readonly user: string; readonly key: Uint8Array } {
  const [only] = keys.size === 1 ? keys.keys() : [];
  const user = named ?? only ?? login();
  const key = keys.get(user);
  if (key === undefined)
    throw new UsageError('ERR_NBD_ARGUMENT', `TLS: ${file}: there is no key of user '${user}' in it`);
  return { user, key };
}
