/** Writes NBD URIs. */
import { defaultPort } from '../constants/magic.ts';
import { encodePath, encodeQuery } from './percent-encoding.ts';
import type { NbdUri, UriAddress } from './uri.ts';

/** How much of a URI is written. */
export interface UriFormat {
  /**
   * Write the default port and the slash in front of an empty export name, too, as other NBD programs do in their
   * output. @default false
   */
  readonly complete?: boolean | undefined;
}

/** Formats a URI; `parseUri` gives back an equal value. Default ports and absent parameters are left out. */
export function formatUri(uri: NbdUri, { complete = false }: UriFormat = {}): string {
  const { address, tls } = uri;
  const suffix = address.transport === 'tcp' ? '' : `+${address.transport}`;
  const user = tls.userName === undefined ? '' : `${encodeURIComponent(tls.userName)}@`;
  const query = [
    ...(address.transport === 'unix' ? [`socket=${encodeQuery(address.path)}`] : []),
    ...(tls.type === undefined ? [] : [`tls-type=${tls.type}`]),
    ...(tls.certificates === undefined ? [] : [`tls-certificates=${encodeQuery(tls.certificates)}`]),
    ...(tls.pskFile === undefined ? [] : [`tls-psk-file=${encodeQuery(tls.pskFile)}`]),
    ...(tls.hostname === undefined ? [] : [`tls-hostname=${encodeQuery(tls.hostname)}`]),
    ...(tls.verifyPeer === undefined ? [] : [`tls-verify-peer=${tls.verifyPeer ? 1 : 0}`]),
    ...(tls.priority === undefined ? [] : [`tls-priority=${encodeQuery(tls.priority)}`]),
    ...Object.entries(uri.extensions).map(([name, value]) => `${encodeQuery(name)}=${encodeQuery(value)}`),
  ].join('&');
  // An empty name needs no path, except after an empty authority, where '//' alone would look unfinished.
  const place = formatPlace(address, complete);
  const path = uri.exportName === '' && place + user !== '' && !complete ? '' : `/${encodePath(uri.exportName)}`;
  return `${uri.tlsRequired ? 'nbds' : 'nbd'}${suffix}://${user}${place}${path}${query === '' ? '' : `?${query}`}`;
}

function formatPlace(address: UriAddress, complete: boolean): string {
  const port = (number: number): string => (number === defaultPort && !complete ? '' : `:${number}`);
  switch (address.transport) {
    case 'unix':
      return '';
    case 'vsock':
      return `${address.cid}${port(address.port)}`;
    case 'tcp':
      return `${formatHost(address.host)}${port(address.port)}`;
  }
}

/** The zone after an IPv6 address may have any characters, and a colon in another place does not make an address. */
function formatHost(host: string): string {
  const [, literal, zone] = /^([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(?:%(.+))?$/s.exec(host) ?? [];
  if (literal === undefined) return encodeURIComponent(host);
  return zone === undefined ? `[${literal}]` : `[${literal}%25${encodeURIComponent(zone)}]`;
}
