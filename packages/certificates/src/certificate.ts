/** One signed certificate: its holder, its uses, and the identifiers that refer to the authority's key. */
import { randomBytes } from 'node:crypto';
import { type KeyPair, signingAlgorithm } from './key-pair.ts';
import { resolveValidity, type Validity } from './validity.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  type Name,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from './x509.ts';

/** What a certificate is for. */
type Purpose = 'authority' | 'server' | 'client';

export interface CertificateFacts extends Validity {
  readonly purpose: Purpose;
  readonly subject: Name;
  readonly keys: KeyPair;
  readonly issuer: Name;
  readonly issuerKeys: KeyPair;
  /** The names and addresses by which clients may reach a server. */
  readonly hosts?: readonly JsonGeneralName[] | undefined;
}

const defaultDays: Readonly<Record<Purpose, number>> = { authority: 3650, server: 365, client: 365 };
const extendedUsage = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth };

/** The certificate as PEM. */
export async function createCertificate(facts: CertificateFacts): Promise<string> {
  const { from, to } = resolveValidity(facts, defaultDays[facts.purpose]);
  const certificate = await X509CertificateGenerator.create({
    serialNumber: randomSerialNumber(),
    subject: facts.subject,
    issuer: facts.issuer,
    notBefore: from,
    notAfter: to,
    publicKey: facts.keys.publicKey,
    signingKey: facts.issuerKeys.privateKey,
    signingAlgorithm,
    extensions: await extensionsFor(facts),
  });
  return `${certificate.toString('pem')}\n`;
}

async function extensionsFor({ purpose, keys, issuerKeys, hosts = [] }: CertificateFacts): Promise<Extension[]> {
  const isAuthority = purpose === 'authority';
  const usages = isAuthority ? KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign : KeyUsageFlags.digitalSignature;
  const extensions: Extension[] = [
    // An authority below this one is not allowed: its path has the length 0.
    new BasicConstraintsExtension(isAuthority, isAuthority ? 0 : undefined, true),
    new KeyUsagesExtension(usages, true),
    await SubjectKeyIdentifierExtension.create(keys.publicKey),
    await AuthorityKeyIdentifierExtension.create(issuerKeys.publicKey),
  ];
  if (purpose !== 'authority') extensions.push(new ExtendedKeyUsageExtension([extendedUsage[purpose]]));
  if (hosts.length > 0) extensions.push(new SubjectAlternativeNameExtension([...hosts]));
  return extensions;
}

/** Sixteen random bytes in hexadecimal digits; the first byte keeps the number positive and its length the same. */
function randomSerialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes.toString('hex');
}
