/** The contents of certificates, in words for people. */
import type { X509Certificate } from 'node:crypto';

const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyPurpose = '2.5.29.37.0';

const purposes: Readonly<Record<string, string>> = {
  [serverAuth]: 'servers',
  [clientAuth]: 'clients',
  '1.3.6.1.5.5.7.3.3': 'signing code',
  '1.3.6.1.5.5.7.3.4': 'e-mail',
};

/** A subject as GnuTLS writes it (RFC 4514): the last part first, all in one line. QEMU writes the first part first. */
export function nameOfSubject({ subject }: X509Certificate): string {
  return distinguished(subject);
}

export function nameOfIssuer({ issuer }: X509Certificate): string {
  return distinguished(issuer);
}

// Node reports a name without parts as `undefined`.
function distinguished(name: string | undefined): string {
  return (name ?? '').split('\n').reverse().join(',');
}

/** Returns what is wrong with the period of validity, as words that follow a subject; `undefined` where it is valid. */
export function faultOfTime({ validFrom, validTo }: X509Certificate, now = Date.now()): string | undefined {
  if (Date.parse(validTo) < now) return `has expired on ${dayOf(validTo)}`;
  if (Date.parse(validFrom) > now) return `is not valid before ${dayOf(validFrom)}`;
  return undefined;
}

/** Returns the same about the purpose of the certificate. A certificate without a purpose may be used for any. */
export function faultOfPurpose({ keyUsage: wanted }: X509Certificate, role: 'client' | 'server'): string | undefined {
  // The name is Node's; what it gives is the extended key usage.
  const own = role === 'server' ? serverAuth : clientAuth;
  // Deno gives the other key usage, in words.
  const isPurposes = wanted?.every((one) => /^[\d.]+$/.test(one)) ?? false;
  if (wanted === undefined || !isPurposes || wanted.includes(own) || wanted.includes(anyPurpose)) return undefined;
  const others = wanted.flatMap((purpose) => purposes[purpose] ?? []);
  return `is not meant for a ${role}${others.length === 0 ? '' : `, but for ${others.join(' and ')}`}`;
}

function dayOf(time: string): string {
  return new Date(time).toISOString().slice(0, 10);
}
