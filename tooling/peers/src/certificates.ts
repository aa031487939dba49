/** Certificates for tests, made by GnuTLS: an authority of one's own, and what it has signed. */
import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peerEnvironment } from './programs.ts';

export interface CertificateOptions {
  /** Names and addresses that a server goes by. @default ['localhost'], ['127.0.0.1', '::1'] */
  readonly names?: readonly string[] | undefined;
  readonly addresses?: readonly string[] | undefined;
  /** @default the role */
  readonly commonName?: string | undefined;
  readonly organization?: string | undefined;
  /** Two letters. */
  readonly country?: string | undefined;
  /** When it is valid, as certtool takes it, such as `2001-01-01 00:00:00`. @default from now on for a day */
  readonly from?: string | undefined;
  readonly until?: string | undefined;
  /** What the key is to be encrypted with. */
  readonly passphrase?: string | undefined;
}

export class TestAuthority {
  readonly #folder: string;

  /** Makes the folder, and an authority in it. */
  constructor(folder: string, name = 'Test Authority') {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true });
    writeFileSync(
      join(folder, 'template'),
      `cn = "${name}"\nca\ncert_signing_key\ncrl_signing_key\nexpiration_days = 2\n`,
    );
    certtool('--generate-privkey', '--key-type=ecdsa', `--outfile=${this.#file('ca-key.pem')}`);
    const key = `--load-privkey=${this.#file('ca-key.pem')}`;
    certtool('--generate-self-signed', key, `--template=${this.#file('template')}`, `--outfile=${this.certificate}`);
  }

  /** The file of the authority's own certificate. */
  get certificate(): string {
    return this.#file('ca-cert.pem');
  }

  /** The authority's own certificate itself. */
  get pem(): string {
    return readFileSync(this.certificate, 'utf8');
  }

  /** Writes `ROLE-cert.pem`, `ROLE-key.pem` and `ca-cert.pem` into a folder, which is made; gives the folder back. */
  issue(folder: string, role: 'client' | 'server', options: CertificateOptions = {}): string {
    mkdirSync(folder, { recursive: true });
    const [key, certificate] = [join(folder, `${role}-key.pem`), join(folder, `${role}-cert.pem`)];
    const template = join(folder, 'template');
    writeFileSync(template, templateOf(role, options));
    certtool('--generate-privkey', '--key-type=ecdsa', `--outfile=${key}`);
    const signer = [`--load-ca-certificate=${this.certificate}`, `--load-ca-privkey=${this.#file('ca-key.pem')}`];
    const subject = [`--load-privkey=${key}`, `--template=${template}`, `--outfile=${certificate}`];
    certtool('--generate-certificate', ...signer, ...subject);
    copyFileSync(this.certificate, join(folder, 'ca-cert.pem'));
    const { passphrase } = options;
    if (passphrase !== undefined) encrypt(key, passphrase);
    return folder;
  }

  /** A list of revoked certificates, as PEM. */
  revoke(...certificates: readonly string[]): string {
    writeFileSync(this.#file('revoked.pem'), certificates.map((file) => readFileSync(file, 'utf8')).join(''));
    writeFileSync(this.#file('crl-template'), 'crl_next_update = 2\n');
    const signer = [`--load-ca-certificate=${this.certificate}`, `--load-ca-privkey=${this.#file('ca-key.pem')}`];
    const list = certificates.length === 0 ? [] : [`--load-certificate=${this.#file('revoked.pem')}`];
    const files = [`--template=${this.#file('crl-template')}`, `--outfile=${this.#file('ca-crl.pem')}`];
    certtool('--generate-crl', ...signer, ...list, ...files);
    return readFileSync(this.#file('ca-crl.pem'), 'utf8');
  }

  #file(name: string): string {
    return join(this.#folder, name);
  }
}

function templateOf(role: 'client' | 'server', options: CertificateOptions): string {
  const { commonName = role, organization, country, from, until } = options;
  const names = options.names ?? (role === 'server' ? ['localhost'] : []);
  const addresses = options.addresses ?? (role === 'server' && options.names === undefined ? ['127.0.0.1', '::1'] : []);
  return [
    ...(country === undefined ? [] : [`country = ${country}`]),
    ...(organization === undefined ? [] : [`organization = "${organization}"`]),
    `cn = "${commonName}"`,
    ...names.map((name) => `dns_name = "${name}"`),
    ...addresses.map((address) => `ip_address = "${address}"`),
    ...(from === undefined ? [] : [`activation_date = "${from}"`]),
    until === undefined ? 'expiration_days = 1' : `expiration_date = "${until}"`,
    `tls_www_${role}`,
    'signing_key',
    'encryption_key',
    '',
  ].join('\n');
}

function encrypt(keyFile: string, passphrase: string): void {
  const how = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase } as const;
  writeFileSync(keyFile, createPrivateKey(readFileSync(keyFile)).export(how));
}

function certtool(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('certtool', args, {
    env: peerEnvironment(),
    encoding: 'utf8',
    timeout: 30_000,
  });
  if (status !== 0) throw new Error(`certtool ${args[0]} failed: ${error?.message ?? stderr}`);
}
