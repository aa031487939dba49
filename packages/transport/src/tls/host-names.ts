/** Checks that a certificate is for the host that is meant (RFC 9525), by the rules of NBD clients that use GnuTLS. */
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** A `*` stands for the whole leftmost label only. */
const wholeLabels = { wildcards: true, partialWildcards: false, multiLabelWildcards: false } as const;

const shownMax = 5;

/** Returns why a certificate is not for a name or address; `undefined` when it is. */
export function faultOfName(certificate: X509Certificate, hostname: string): string | undefined {
  const host = hostname.replace(/\.$/, '');
  const { subjectAltName } = certificate;
  // The common name counts only where there are no other names of any kind.
  const subject = subjectAltName === undefined ? 'default' : 'never';
  const isFor = isIP(host) === 0 ? certificate.checkHost(host, { ...wholeLabels, subject }) : certificate.checkIP(host);
  if (isFor !== undefined) return undefined;
  const names = subjectAltName === undefined ? commonNames(certificate) : alternativeNames(subjectAltName);
  const shown = names.slice(0, shownMax).map(({ text }) => JSON.stringify(text));
  if (names.length > shown.length) shown.push(`${names.length - shown.length} others`);
  const says = `the {peer}'s certificate is for ${shown.join(', ') || 'no host'}, not for ${JSON.stringify(host)}`;
  const hint = hintOf(certificate, host, names);
  return hint === undefined ? says : `${says}: ${hint}`;
}

interface Name {
  readonly kind: string;
  readonly text: string;
}

/** Returns a reason that is easily overlooked: there is a name that looks right, and does not count. */
function hintOf(certificate: X509Certificate, host: string, names: readonly Name[]): string | undefined {
  const alike = names.find(({ text }) => text.replace(/\.$/, '').toLowerCase() === host.toLowerCase());
  if (alike !== undefined && isIP(host) !== 0) return 'that is the name of a host in it, expected an address';
  if (alike?.text.endsWith('.')) return 'names in certificates end without a dot';
  if (alike?.kind === 'IP Address') return 'that is an address in it, expected the name of a host';
  if (alike !== undefined) return undefined;
  if (certificate.subjectAltName !== undefined && commonNames(certificate).some(({ text }) => text === host)) {
    return 'its common name does not count beside other names';
  }
  return names.some(({ text }) => /[^.]\*|\*[^.]/.test(text))
    ? 'a * can only stand for the whole first part'
    : undefined;
}

function commonNames({ subject }: X509Certificate): readonly Name[] {
  return (subject ?? '').split('\n').flatMap((part) => {
    const text = /^CN=(.*)$/s.exec(part)?.[1];
    return text === undefined ? [] : [{ kind: 'CN', text }];
  });
}

/** Node writes names with special characters as JSON strings, so that one name cannot be taken for several. */
function alternativeNames(text: string): readonly Name[] {
  const pattern = /(?:^|, )([^:]+):("(?:[^"\\]|\\.)*"|[^,]*)/g;
  return [...text.matchAll(pattern)].flatMap(([, kind = '', name = '']) => {
    if (kind !== 'DNS' && kind !== 'IP Address') return [];
    return [{ kind, text: name.startsWith('"') ? String(JSON.parse(name)) : name }];
  });
}
