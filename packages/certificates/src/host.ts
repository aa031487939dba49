/** The names and addresses that a server's certificate is good for. */
import { isIP, isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';
import { UsageError } from '@nbdjs/interfaces';
import { OctetString } from 'asn1js';
import { GeneralName } from 'pkijs';

/** The kinds of names among the alternatives of X.509. */
const dnsName = 2;
const ipAddress = 7;

/**
 * A host as certificates have it. Names may begin with `*.`, and are written in ASCII.
 *
 * @throws UsageError for what is neither a name nor an address.
 */
export function parseHost(host: string): GeneralName {
  if (isIP(host) !== 0) {
    return new GeneralName({ type: ipAddress, value: new OctetString({ valueHex: addressBytes(host) }) });
  }
  const ascii = domainToASCII(host.replace(/^\*\./, ''));
  if (!/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(ascii)) {
    throw new UsageError('ERR_NBD_ARGUMENT', `'${host}' is neither the name of a host nor an IP address`);
  }
  return new GeneralName({ type: dnsName, value: host.startsWith('*.') ? `*.${ascii}` : ascii });
}

function addressBytes(address: string): ArrayBuffer {
  if (isIPv4(address)) return Uint8Array.from(address.split('.'), Number).buffer;
  // The URL parser writes all forms of IPv6 in one, with hexadecimal digits only.
  const text = new URL(`http://[${address.replace(/%.*$/s, '')}]`).hostname.slice(1, -1);
  const [head = '', tail] = text.split('::');
  const words = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((word) => Number.parseInt(word, 16));
  const [first, last] = [words(head), words(tail ?? '')];
  const all = [...first, ...new Array<number>(8 - first.length - last.length).fill(0), ...last];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 0xff])).buffer;
}
