/** A list of certificates that are revoked (a CRL). */
import { type KeyPair, signingAlgorithm } from './key-pair.ts';
import { resolveValidity, type Validity } from './validity.ts';
import {
  AuthorityKeyIdentifierExtension,
  Extension,
  type Name,
  PemConverter,
  X509Certificate,
  X509CrlGenerator,
} from './x509.ts';

export interface RevocationFacts extends Validity {
  readonly issuer: Name;
  readonly issuerKeys: KeyPair;
  /** PEM. */
  readonly certificates: readonly string[];
}

/** The object identifier of the extension that numbers a list (RFC 5280, 5.2.3). */
const crlNumber = '2.5.29.20';
const defaultDays = 365;

/** The list as PEM. */
export async function createRevocationList(facts: RevocationFacts): Promise<string> {
  const { issuer, issuerKeys, certificates } = facts;
  const { from, to } = resolveValidity(facts, defaultDays);
  const list = await X509CrlGenerator.create({
    issuer,
    thisUpdate: from,
    nextUpdate: to,
    signingKey: issuerKeys.privateKey,
    signingAlgorithm,
    entries: certificates.map((pem) => ({
      serialNumber: new X509Certificate(pem).serialNumber,
      revocationDate: from,
    })),
    extensions: [
      await AuthorityKeyIdentifierExtension.create(issuerKeys.publicKey),
      // A later list has to have a higher number.
      new Extension(crlNumber, false, derInteger(Date.now())),
    ],
  });
  // The library's own label, `CRL`, is unknown to OpenSSL.
  return `${PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
}

/** A positive integer in DER: the tag, the length, the bytes with a zero in front that keeps it positive. */
function derInteger(value: number): Uint8Array<ArrayBuffer> {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  const padding = (bytes[0] ?? 0) >= 0x80 ? [0] : [];
  return Uint8Array.of(0x02, padding.length + bytes.length, ...padding, ...bytes);
}
