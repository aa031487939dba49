/**
 * Reads NBD URIs.
 *
 * Parsing is strict: a URI that would be understood differently from what its author meant is refused, with a message that
 * names the part that is wrong.
 */
import { UsageError } from '@nbdjs/interfaces';
import { defaultPort } from '../constants/magic.ts';
import { isStray, partsOf } from '../text/name.ts';
import { printableText, stringBytesMax } from '../text/text.ts';
import { decodePercent, decodePercentName } from './percent-encoding.ts';
import type { NbdUri, UriAddress, UriTls } from './uri.ts';

/** Context identifier that stands for the host in `nbd+vsock` URIs without one. */
const vsockHost = 2;

const form = /^([A-Za-z][A-Za-z0-9+.-]*):(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(#.*)?$/s;

const schemes: Readonly<Record<string, { transport: UriAddress['transport']; tls: boolean }>> = {
  nbd: { transport: 'tcp', tls: false },
  nbds: { transport: 'tcp', tls: true },
  // QEMU's spelling of the two above.
  'nbd+tcp': { transport: 'tcp', tls: false },
  'nbds+tcp': { transport: 'tcp', tls: true },
  'nbd+unix': { transport: 'unix', tls: false },
  'nbds+unix': { transport: 'unix', tls: true },
  'nbd+vsock': { transport: 'vsock', tls: false },
  'nbds+vsock': { transport: 'vsock', tls: true },
};

const parameterNames = [
  'socket',
  'tls-type',
  'tls-hostname',
  'tls-verify-peer',
  'tls-username',
  'tls-certificates',
  'tls-psk-file',
  'tls-priority',
] as const;

type ParameterName = (typeof parameterNames)[number];

/** Whether a text is meant as an NBD URI: it begins with one of the schemes. The rest is not checked. */
export function looksLikeUri(text: string): boolean {
  return /^nbds?(\+[a-z]+)?:/i.test(text);
}

/**
 * Parses an NBD URI.
 *
 * @throws UsageError `ERR_NBD_URI`, naming what is wrong.
 */
export function parseUri(text: string): NbdUri {
  const match = form.exec(text);
  if (match === null) throw bad(text, 'it does not have the form scheme://authority/export');
  const [, schemeText = '', authority, path = '', query, fragment] = match;
  const scheme = Object.hasOwn(schemes, schemeText.toLowerCase()) ? schemes[schemeText.toLowerCase()] : undefined;
  if (scheme === undefined) {
    throw bad(text, `the scheme '${schemeText}' is not one of ${Object.keys(schemes).join(', ')}`);
  }
  if (authority === undefined && !path.startsWith('/')) {
    throw bad(
      text,
      `after '${schemeText}:' there has to be '//', as in nbd://host/export or nbd+unix:///export?socket=PATH`,
    );
  }
  if (fragment !== undefined) throw bad(text, "'#' begins a fragment, which has no meaning here; in a name write %23");

  const { parameters, extensions } = parseQuery(text, query ?? '');
  const { userName, place } = splitAuthority(text, authority ?? '');
  return {
    address: parseAddress(text, scheme.transport, place, parameters.get('socket')),
    tlsRequired: scheme.tls,
    tls: parseTls(text, userName, parameters),
    exportName: parseExportName(text, path),
    extensions,
  };
}

function splitAuthority(text: string, authority: string): { userName: string | undefined; place: string } {
  const at = authority.lastIndexOf('@');
  if (at < 0) return { userName: undefined, place: authority };
  const user = authority.slice(0, at);
  if (user.includes(':')) throw bad(text, "a password in front of '@' is not supported");
  if (user === '') throw bad(text, "there is no user name in front of '@'");
  return { userName: decode(text, user, 'the user name'), place: authority.slice(at + 1) };
}

function parseAddress(
  text: string,
  transport: UriAddress['transport'],
  place: string,
  socket: string | undefined,
): UriAddress {
  if (transport === 'unix') {
    if (socket === undefined || socket === '') throw bad(text, "a Unix socket needs the parameter 'socket=PATH'");
    if (place !== '')
      throw bad(text, `a Unix socket has no host, but '${place}' is given (three slashes after the scheme?)`);
    return { transport, path: socket };
  }
  if (socket !== undefined) throw bad(text, "the parameter 'socket' belongs to the schemes nbd+unix and nbds+unix");
  const { host, port } = splitPort(text, place);
  if (transport === 'tcp') return { transport, host: host === '' ? 'localhost' : host, port: port ?? defaultPort };
  if (host !== '' && !/^\d{1,10}$/.test(host)) throw bad(text, `'${host}' is not a vsock context identifier`);
  const cid = host === '' ? vsockHost : Number(host);
  if (cid > 0xffff_ffff) throw bad(text, `'${host}' is not a vsock context identifier`);
  return { transport, cid, port: port ?? defaultPort };
}

function splitPort(text: string, place: string): { host: string; port: number | undefined } {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(place);
  if (match === null) {
    const advice = place.split(':').length > 2 ? ' (an IPv6 address goes into brackets)' : '';
    throw bad(text, `'${place}' is not a host with an optional port${advice}`);
  }
  const [, literal, name, digits] = match;
  if (literal !== undefined && !/^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(?:%25.+)?$/s.test(literal)) {
    throw bad(text, `'[${literal}]' is not an IPv6 address`);
  }
  const port = digits === undefined || digits === '' ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65535)) throw bad(text, `${digits} is not a port (1 to 65535)`);
  return { host: decode(text, literal ?? name ?? '', 'the host'), port };
}

function parseExportName(text: string, path: string): string {
  // Exactly one slash separates the authority from the name; a second one belongs to the name.
  const name = decodePercentName(path.startsWith('/') ? path.slice(1) : path);
  if (name === undefined) throw bad(text, "the export name has a '%' that is not followed by the code of a byte");
  const byteCount = partsOf(name).reduce((sum, part) => sum + (isStray(part) ? part.length : utf8Length(part)), 0);
  if (byteCount > stringBytesMax) {
    throw bad(text, `the export name has ${byteCount} bytes, at most ${stringBytesMax} are allowed`);
  }
  return name;
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}

interface Query {
  readonly parameters: ReadonlyMap<ParameterName, string>;
  readonly extensions: Readonly<Record<string, string>>;
}

function parseQuery(text: string, query: string): Query {
  const parameters = new Map<ParameterName, string>();
  const extensions = new Map<string, string>();
  for (const part of query.split(/[&;]/)) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    const name = decode(text, equals < 0 ? part : part.slice(0, equals), 'a parameter name');
    if (equals < 0) throw bad(text, `the parameter '${name}' has no value`);
    const value = decode(text, part.slice(equals + 1), `the parameter '${name}'`);
    if (parameters.has(name as ParameterName) || extensions.has(name)) {
      throw bad(text, `the parameter '${name}' is given twice`);
    }
    if (isParameterName(name)) parameters.set(name, value);
    else if (name.startsWith('x-')) extensions.set(name, value);
    else throw bad(text, `there is no parameter '${name}' (known: ${parameterNames.join(', ')})`);
  }
  return { parameters, extensions: Object.fromEntries(extensions) };
}

function parseTls(text: string, user: string | undefined, parameters: Query['parameters']): UriTls {
  const type = parameters.get('tls-type');
  if (type !== undefined && type !== 'anon' && type !== 'x509' && type !== 'psk') {
    throw bad(text, `tls-type is '${type}', expected anon, x509 or psk`);
  }
  const named = parameters.get('tls-username');
  if (user !== undefined && named !== undefined && user !== named) {
    throw bad(text, `the user is '${user}' but tls-username says '${named}'`);
  }
  return withoutAbsent({
    type,
    hostname: parameters.get('tls-hostname'),
    verifyPeer: parseBoolean(text, 'tls-verify-peer', parameters.get('tls-verify-peer')),
    userName: user ?? named,
    certificates: parameters.get('tls-certificates'),
    pskFile: parameters.get('tls-psk-file'),
    priority: parameters.get('tls-priority'),
  });
}

function parseBoolean(text: string, name: string, value: string | undefined): boolean | undefined {
  if (value === undefined) return undefined;
  if (value === '1' || value === 'true') return true;
  if (value === '0' || value === 'false') return false;
  throw bad(text, `${name} is '${value}', expected 0 or 1`);
}

function isParameterName(name: string): name is ParameterName {
  return (parameterNames as readonly string[]).includes(name);
}

function withoutAbsent<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}

function decode(text: string, encoded: string, what: string): string {
  const decoded = decodePercent(encoded);
  if (decoded === undefined) throw bad(text, `${what} has a '%' that is not followed by the code of a UTF-8 character`);
  return decoded;
}

function bad(text: string, reason: string): UsageError {
  // The text may come from elsewhere: it must neither break the line of a log nor fill it.
  return new UsageError(
    'ERR_NBD_URI',
    `not a valid NBD URI: '${printableText(text, 200)}': ${printableText(reason, 300)}`,
  );
}
