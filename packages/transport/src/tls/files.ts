/** Certificates, keys and lists, from files or from memory: read once, and checked for mistakes that show without a peer. */
import type { KeyObject, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@nbdjs/interfaces';
import { crypto } from '../late-modules.ts';
import type { TlsCertificates } from './settings.ts';
import { readTextFile } from './text-file.ts';
import { faultOfPurpose, faultOfTime } from './x509.ts';

/** A piece of PEM, and what messages call it. */
interface Piece {
  readonly text: string;
  readonly name: string;
}

/** Certificates and keys as Node's `tls` takes them; everything is PEM. */
export interface TlsIdentity {
  /** The authorities to trust. */
  readonly ca?: string | undefined;
  /** Our own certificate, with those between it and an authority. */
  readonly cert?: string | undefined;
  /** Its key. */
  readonly key?: string | undefined;
  /** Decrypts the key. */
  readonly passphrase?: string | undefined;
  /** One list in each text: of several in one text, Node uses the first only. */
  readonly crl?: string[] | undefined;
}

/** The same, with what is known of it. */
export interface CheckedIdentity {
  readonly pem: TlsIdentity;
  /** The authorities that are trusted. */
  readonly authorities: readonly X509Certificate[];
  /** The name of our own certificate in messages, and why no peer could accept it. */
  readonly own: { readonly name: string; readonly fault: string | undefined } | undefined;
}

/** Our side of the connection. The files of our own certificate are named after it. */
export type Role = 'client' | 'server';

/** @throws UsageError naming the file, and what is wrong with it. */
export function readIdentity(certificates: TlsCertificates, role: Role): CheckedIdentity {
  const { folder } = certificates;
  const passphrase = passphraseOf(certificates);
  if (folder !== undefined) checkFolder(folder);
  const piece = (text: string | undefined, file: string, option: string): Piece | undefined => {
    if (text !== undefined) return { text, name: `tls.certificates.${option}` };
    return folder === undefined ? undefined : readPiece(join(folder, file));
  };
  const ca = piece(certificates.ca, 'ca-cert.pem', 'ca');
  const crl = piece(certificates.crl, 'ca-crl.pem', 'crl');
  const cert = piece(certificates.cert, `${role}-cert.pem`, 'cert');
  const key = piece(certificates.key, `${role}-key.pem`, 'key');
  const authorities = ca === undefined ? [] : parseCertificates(ca);
  const lists = crl === undefined ? undefined : listsIn(crl);
  if (cert !== undefined && key !== undefined) checkPair(cert, key, passphrase);
  else if (cert !== undefined) throw wrong(cert.name, `there is no key for it (${nameOfMissing(folder, role, 'key')})`);
  else if (key !== undefined) {
    throw wrong(key.name, `there is no certificate for it (${nameOfMissing(folder, role, 'cert')})`);
  }
  return {
    pem: { ca: ca?.text, cert: cert?.text, key: key?.text, passphrase, crl: lists },
    authorities,
    own: cert === undefined ? undefined : { name: cert.name, fault: faultOfOwn(cert, role) },
  };
}

/** The same for a server, which has to have a certificate that clients can accept. */
export function readServerIdentity(certificates: TlsCertificates): CheckedIdentity {
  const identity = readIdentity(certificates, 'server');
  const { own } = identity;
  if (own === undefined) throw wrong(placeOf(certificates), 'there is no certificate for the server (server-cert.pem)');
  if (own.fault !== undefined) throw wrong(own.name, `the server's certificate ${own.fault}`);
  return identity;
}

/** What messages call the certificates. */
export function placeOf({ folder }: TlsCertificates): string {
  return folder ?? 'tls.certificates';
}

/**
 * Reads certificates and keys for a TLS of Node's own, such as HTTPS, from the files that NBD programs know, with the checks that our TLS
 * makes.
 *
 * @throws UsageError naming the file, and what is wrong with it.
 */
export function readTlsIdentity(certificates: TlsCertificates, role: 'client' | 'server'): TlsIdentity {
  return (role === 'server' ? readServerIdentity(certificates) : readIdentity(certificates, role)).pem;
}

/** Returns `undefined` when there is no such file. @throws UsageError naming the file when it cannot be read. */
export function readText(file: string): string | undefined {
  try {
    return readTextFile(file);
  } catch (error) {
    if (error instanceof UsageError)
      throw new UsageError('ERR_NBD_ARGUMENT', `TLS: ${error.message}`, { cause: error });
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw wrong(file, reasons[code ?? ''] ?? message, error);
  }
}

/** An error about a file, or about an option. */
export function wrong(name: string, why: string, cause?: unknown): UsageError {
  return new UsageError('ERR_NBD_ARGUMENT', `TLS: ${name}: ${why}`, { cause });
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a folder, expected a file',
};

function passphraseOf({ passphrase, passphraseFile: file }: TlsCertificates): string | undefined {
  if (file === undefined) return passphrase;
  if (passphrase !== undefined) throw wrong(file, 'a passphrase is given as well, and only one can be right');
  const text = readText(file);
  if (text === undefined) throw wrong(file, 'there is no such file with a passphrase');
  const [line = ''] = text.split(/\r?\n/);
  if (line === '') throw wrong(file, 'its first line is empty, expected a passphrase');
  return line;
}

function checkFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw wrong(folder, 'there is no such folder of certificates');
  }
}

function readPiece(file: string): Piece | undefined {
  const text = readText(file);
  return text === undefined ? undefined : { text, name: file };
}

function nameOfMissing(folder: string | undefined, role: Role, what: 'key' | 'cert'): string {
  return folder === undefined ? `tls.certificates.${what}` : join(folder, `${role}-${what}.pem`);
}

function faultOfOwn(cert: Piece, role: Role): string | undefined {
  const [own] = parseCertificates(cert);
  return own && (faultOfTime(own) ?? faultOfPurpose(own, role));
}

function parseCertificates({ text, name }: Piece): readonly X509Certificate[] {
  const blocks = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END [A-Z0-9 ]+-----/g);
  if (blocks === null) throw wrong(name, 'it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)');
  const begunCount = text.match(/-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----/g)?.length ?? 0;
  if (begunCount > blocks.length) {
    throw wrong(
      name,
      `${begunCount} certificates begin in it and ${blocks.length} end: a line -----END CERTIFICATE----- is missing`,
    );
  }
  return blocks.map((block, index) => {
    try {
      const { X509Certificate } = crypto();
      return new X509Certificate(block);
    } catch (cause) {
      throw wrong(name, `certificate ${index + 1} in it cannot be decoded`, cause);
    }
  });
}

function listsIn({ text, name }: Piece): string[] {
  const lists = text.match(/-----BEGIN X509 CRL-----[^-]*-----END X509 CRL-----/g);
  const begunCount = text.match(/-----BEGIN X509 CRL-----/g)?.length ?? 0;
  if (lists === null) {
    throw wrong(name, 'it holds no list of revoked certificates in PEM form (-----BEGIN X509 CRL-----)');
  }
  if (begunCount > lists.length) {
    throw wrong(
      name,
      `${begunCount} lists begin in it and ${lists.length} end: a line -----END X509 CRL----- is missing`,
    );
  }
  return lists;
}

function checkPair(cert: Piece, key: Piece, passphrase: string | undefined): void {
  const [own] = parseCertificates(cert);
  const privateKey = parseKey(key, passphrase);
  if (own?.checkPrivateKey(privateKey) === false) {
    throw wrong(key.name, `the key does not belong to the certificate in ${cert.name}`);
  }
}

function parseKey({ text, name }: Piece, passphrase: string | undefined): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw wrong(name, 'it holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)');
  }
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text);
  if (isEncrypted && passphrase === undefined) throw wrong(name, 'the key is encrypted, and no passphrase is given');
  try {
    return crypto().createPrivateKey({ key: text, format: 'pem', passphrase });
  } catch (cause) {
    throw wrong(name, isEncrypted ? 'the passphrase does not decrypt the key' : 'the key cannot be decoded', cause);
  }
}
