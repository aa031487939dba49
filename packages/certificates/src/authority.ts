/** A certificate authority, and what it issues. */
import { KeyObject, X509Certificate } from 'node:crypto';
import { UsageError } from '@nbdjs/interfaces';
import { type CertificateFacts, createCertificate } from './certificate.ts';
import { parseDistinguishedName } from './distinguished-name.ts';
import { parseHost } from './host.ts';
import { createKeyPair, formatPrivateKey, type KeyOptions, type KeyPair, parseKeyPair } from './key-pair.ts';
import { createRevocationList } from './revocation-list.ts';
import type { Validity } from './validity.ts';
import { Name, X509Certificate as ParsedCertificate, PemConverter } from './x509.ts';

/** The name of a new authority, how long it is valid, and how its key is stored. */
export interface AuthorityOptions extends Validity, KeyOptions {
  /** A common name or a distinguished name, such as `CN=Test CA,O=Example`. @default 'nbdjs test authority' */
  readonly name?: string | undefined;
}

/** Which server a certificate is for. */
export interface ServerCertificateOptions extends Validity, KeyOptions {
  /** Names and IP addresses by which clients may reach the server; a name may begin with `*.`. */
  readonly hosts: readonly string[];
  /** A common name or a distinguished name. @default the first of the hosts */
  readonly name?: string | undefined;
}

/** Which client a certificate is for. */
export interface ClientCertificateOptions extends Validity, KeyOptions {
  /** A common name or a distinguished name, such as `CN=alice,O=Example`; servers may decide by it. */
  readonly name: string;
}

/** For how long a revocation list is valid. */
export interface RevocationOptions {
  /** When the list was made. @default an hour ago */
  readonly validFrom?: Date | undefined;
  /** When a new list is due. @default 365 days after `validFrom` */
  readonly validTo?: Date | undefined;
}

/** A certificate and its private key, both PEM. */
export interface Credentials {
  /** The certificate, as PEM. */
  readonly certificate: string;
  /** The private key (PKCS #8), as PEM. */
  readonly key: string;
}

/** The issuer that signs certificates. It keeps no list of those that it has issued. */
export interface CertificateAuthority extends Credentials {
  /**
   * Makes a key and a certificate for a server.
   *
   * @throws UsageError for names, hosts and dates that a certificate cannot contain.
   */
  issueServer(options: ServerCertificateOptions): Promise<Credentials>;
  /**
   * Makes a key and a certificate for a client.
   *
   * @throws UsageError for names and dates that a certificate cannot contain.
   */
  issueClient(options: ClientCertificateOptions): Promise<Credentials>;
  /**
   * A list (PEM) that revokes exactly these certificates of the authority; it takes the place of earlier ones.
   *
   * @throws UsageError for a text that is not a certificate, or a certificate that another authority has issued.
   */
  revoke(certificates: readonly Pick<Credentials, 'certificate'>[], options?: RevocationOptions): Promise<string>;
}

/** Makes a new authority with a key of its own. */
export async function createAuthority(options: AuthorityOptions = {}): Promise<CertificateAuthority> {
  const name = parseDistinguishedName(options.name ?? 'nbdjs test authority');
  const keys = await createKeyPair();
  const certificate = await createCertificate({
    ...validityOf(options),
    purpose: 'authority',
    subject: name,
    keys,
    issuer: name,
    issuerKeys: keys,
  });
  return new Authority(certificate, formatPrivateKey(keys, options.passphrase), name, keys);
}

/**
 * Goes on with an authority that was made before.
 *
 * @throws UsageError when the certificate or the key cannot be read, or when they do not belong together.
 */
export async function openAuthority(
  { certificate, key }: Credentials,
  passphrase?: string,
): Promise<CertificateAuthority> {
  const keys = await parseKeyPair(key, passphrase);
  const parsed = readCertificate(certificate);
  const isPair = parsed.checkPrivateKey(KeyObject.from(keys.privateKey));
  if (!isPair) throw new UsageError('ERR_NBD_ARGUMENT', "the private key is not that of the authority's certificate");
  return new Authority(certificate, key, subjectOf(parsed), keys);
}

class Authority implements CertificateAuthority {
  readonly certificate: string;
  readonly key: string;
  readonly #name: Name;
  readonly #keys: KeyPair;

  constructor(certificate: string, key: string, name: Name, keys: KeyPair) {
    this.certificate = certificate;
    this.key = key;
    this.#name = name;
    this.#keys = keys;
  }

  async issueServer(options: ServerCertificateOptions): Promise<Credentials> {
    const [first] = options.hosts;
    if (first === undefined) {
      throw new UsageError('ERR_NBD_ARGUMENT', "a server's certificate needs a host name or an IP address");
    }
    const subject = parseDistinguishedName(options.name ?? first);
    return this.#issue('server', subject, options, options.hosts);
  }

  async issueClient(options: ClientCertificateOptions): Promise<Credentials> {
    return this.#issue('client', parseDistinguishedName(options.name), options, []);
  }

  async revoke(
    certificates: readonly Pick<Credentials, 'certificate'>[],
    options: RevocationOptions = {},
  ): Promise<string> {
    const authority = new X509Certificate(this.certificate);
    for (const { certificate } of certificates) {
      const issued = readCertificate(certificate);
      if (issued.checkIssued(authority)) continue;
      const [subject, issuer] = [issued.subject, issued.issuer].map((name) => name.replaceAll('\n', ', '));
      throw new UsageError(
        'ERR_NBD_ARGUMENT',
        `the certificate of ${subject} was issued by ${issuer}, not by this authority`,
      );
    }
    return createRevocationList({
      ...validityOf(options),
      issuer: this.#name,
      issuerKeys: this.#keys,
      certificates: certificates.map(({ certificate }) => certificate),
    });
  }

  async #issue(
    purpose: CertificateFacts['purpose'],
    subject: Name,
    options: Validity & KeyOptions,
    hosts: readonly string[],
  ): Promise<Credentials> {
    const names = hosts.map(parseHost);
    const keys = await createKeyPair();
    const certificate = await createCertificate({
      ...validityOf(options),
      purpose,
      subject,
      keys,
      issuer: this.#name,
      issuerKeys: this.#keys,
      hosts: names,
    });
    return { certificate, key: formatPrivateKey(keys, options.passphrase) };
  }
}

/** @throws UsageError for a text that is not a certificate in PEM. */
function readCertificate(pem: string): X509Certificate {
  const block = PemConverter.decodeWithHeaders(pem).find(({ type }) => type === PemConverter.CertificateTag);
  if (block === undefined) {
    throw new UsageError('ERR_NBD_ARGUMENT', `expected PEM with a CERTIFICATE, got '${pem.slice(0, 40).trim()}'`);
  }
  try {
    return new X509Certificate(Buffer.from(block.rawData));
  } catch (cause) {
    throw new UsageError('ERR_NBD_ARGUMENT', 'the certificate cannot be read', { cause });
  }
}

/** The name of the holder, with the same bytes as in the certificate. */
function subjectOf(certificate: X509Certificate): Name {
  return new Name(new ParsedCertificate(certificate.raw).subjectName.toArrayBuffer());
}

function validityOf({ validFrom, validTo }: Validity): Validity {
  return { validFrom, validTo };
}
