/** The authorities that this system trusts, and the folder in which clients have their certificates. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where distributions keep the authorities that they trust, all in one file. */
const bundles = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * Returns the authorities that the system trusts; `SSL_CERT_FILE` names another file, as it does for OpenSSL. `undefined` where there is
 * no such file: Node has its own list.
 */
export function systemAuthorities(): string | undefined {
  const named = process.env.SSL_CERT_FILE;
  const file = named !== undefined && named !== '' ? named : bundles.find((bundle) => existsSync(bundle));
  return file !== undefined && existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** The folder that libnbd's clients look into, if there is one. */
export function clientFolder(home = homedir(), isRoot = process.getuid?.() === 0): string | undefined {
  const folders = isRoot ? ['/etc/pki/libnbd'] : [join(home, '.pki', 'libnbd'), join(home, '.config', 'pki', 'libnbd')];
  return folders.find((folder) => existsSync(folder));
}
