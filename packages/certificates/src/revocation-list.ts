/** A list of certificates that are not good any more (a CRL). */
import { Integer } from 'asn1js';
import {
  Certificate,
  CertificateRevocationList,
  Extension,
  Extensions,
  type RelativeDistinguishedNames,
  RevokedCertificate,
} from 'pkijs';
import { validityTimes } from './certificate.ts';
import { authorityIdentifier } from './extensions.ts';
import { hashAlgorithm, type KeyPair } from './key-pair.ts';
import { formatPem, parsePem } from './pem.ts';
import type { Validity } from './validity.ts';

export interface RevocationFacts extends Validity {
  readonly issuer: RelativeDistinguishedNames;
  readonly issuerKeys: KeyPair;
  /** PEM. */
  readonly certificates: readonly string[];
}

const listNumber = '2.5.29.20';

/** The list as PEM. */
export async function createRevocationList(facts: RevocationFacts): Promise<string> {
  const { issuer, issuerKeys, certificates } = facts;
  const { from, to } = validityTimes(facts, 'list');
  const list = new CertificateRevocationList({
    // Counted from zero: extensions need the second version.
    version: 1,
    issuer,
    thisUpdate: from,
    nextUpdate: to,
    // Later lists have to have higher numbers.
    crlExtensions: new Extensions({
      extensions: [
        authorityIdentifier(issuerKeys),
        new Extension({ extnID: listNumber, extnValue: new Integer({ value: Date.now() }).toBER() }),
      ],
    }),
  });
  // An empty list of certificates must not be there at all.
  if (certificates.length > 0) {
    list.revokedCertificates = certificates.map(
      (pem) =>
        new RevokedCertificate({
          userCertificate: Certificate.fromBER(parsePem('CERTIFICATE', pem)).serialNumber,
          revocationDate: from,
        }),
    );
  }
  await list.sign(issuerKeys.privateKey, hashAlgorithm);
  return formatPem('X509 CRL', list.toSchema(true).toBER());
}
