/** One certificate, signed. */
import { randomBytes } from 'node:crypto';
import { UsageError } from '@nbdjs/interfaces';
import { Integer } from 'asn1js';
import { Certificate, type GeneralName, type RelativeDistinguishedNames, Time } from 'pkijs';
import { extensionsFor, type Purpose } from './extensions.ts';
import { hashAlgorithm, type KeyPair } from './key-pair.ts';
import { formatPem } from './pem.ts';
import type { Validity } from './validity.ts';

export interface CertificateFacts extends Validity {
  readonly purpose: Purpose;
  readonly subject: RelativeDistinguishedNames;
  readonly keys: KeyPair;
  readonly issuer: RelativeDistinguishedNames;
  readonly issuerKeys: KeyPair;
  readonly hosts?: readonly GeneralName[] | undefined;
}

const dayMs = 86_400_000;
const slowClockMs = 3_600_000;
const daysOf: Readonly<Record<Purpose | 'list', number>> = { authority: 3650, server: 365, client: 365, list: 365 };

/** The period, as ASN.1 wants it. */
export function validityTimes(
  { validFrom = new Date(Date.now() - slowClockMs), validTo }: Validity,
  what: Purpose | 'list',
): { readonly from: Time; readonly to: Time } {
  const end = validTo ?? new Date(validFrom.getTime() + daysOf[what] * dayMs);
  if (!(validFrom < end)) {
    const [from, to] = [validFrom, end].map((date) => (Number.isNaN(date.getTime()) ? 'no date' : date.toISOString()));
    throw new UsageError('ERR_NBD_ARGUMENT', `a certificate cannot be valid from ${from} to ${to}`);
  }
  return { from: timeOf(validFrom), to: timeOf(end) };
}

/** Years from 2050 on need the form with four digits (RFC 5280, 4.1.2.5); fractions of a second are not allowed. */
function timeOf(date: Date): Time {
  const value = new Date(Math.trunc(date.getTime() / 1000) * 1000);
  return new Time({ type: value.getUTCFullYear() < 2050 ? 0 : 1, value });
}

/** The certificate as PEM. */
export async function createCertificate(facts: CertificateFacts): Promise<string> {
  const { purpose, subject, keys, issuer, issuerKeys, hosts = [] } = facts;
  const { from, to } = validityTimes(facts, purpose);
  const certificate = new Certificate({
    // Counted from zero: extensions need the third version.
    version: 2,
    serialNumber: serialNumber(),
    issuer,
    subject,
    notBefore: from,
    notAfter: to,
    extensions: extensionsFor({ purpose, keys, issuerKeys, hosts }),
  });
  await certificate.subjectPublicKeyInfo.importKey(keys.publicKey);
  await certificate.sign(issuerKeys.privateKey, hashAlgorithm);
  return formatPem('CERTIFICATE', certificate.toSchema(true).toBER());
}

/** Sixteen random bytes; the first keeps the number positive and its length the same. */
function serialNumber(): Integer {
  const bytes = Uint8Array.from(randomBytes(16));
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return new Integer({ valueHex: bytes.buffer });
}
