/** The names and addresses that a server's certificate is valid for. */
import { isIP, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';
import { UsageError } from '@nbdjs/interfaces';
import type { JsonGeneralName } from './x509.ts';

/**
 * A host in the form that certificates have. A name may begin with `*.`, and is written in ASCII.
 *
 * @throws UsageError for a text that is neither a name nor an address.
 */
export function parseHost(host: string): JsonGeneralName {
  if (isIP(host) !== 0) return { type: 'ip', value: isIPv6(host) ? plainIpv6(host) : host };
  const ascii = domainToASCII(host.replace(/^\*\./, ''));
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(ascii)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `'${host}' is neither the name of a host nor an IP address`);
  }
  return { type: 'dns', value: host.startsWith('*.') ? `*.${ascii}` : ascii };
}

/** An IPv6 address in hexadecimal digits only, and without its zone, which has no meaning on another machine. */
function plainIpv6(address: string): string {
  return new URL(`http://[${address.replace(/%.*$/s, '')}]`).hostname.slice(1, -1);
}
