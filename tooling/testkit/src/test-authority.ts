/** Certificates for tests of TLS, in folders as NBD programs want them. */
import { readFileSync } from 'node:fs';
import {
  type CertificateAuthority,
  type ClientCertificateOptions,
  createAuthority,
  type ServerCertificateOptions,
  writeFolder,
} from '@nbdjs/certificates';

const hostsDefault = ['localhost', '127.0.0.1', '::1'];

export class TestAuthority {
  readonly #authority: CertificateAuthority;

  private constructor(authority: CertificateAuthority) {
    this.#authority = authority;
  }

  static async create(): Promise<TestAuthority> {
    return new TestAuthority(await createAuthority());
  }

  /** The authority's own certificate. */
  get pem(): string {
    return this.#authority.certificate;
  }

  /** Writes `server-cert.pem`, `server-key.pem` and `ca-cert.pem` into a folder, which is made; gives the folder back. */
  async issueServer(folder: string, options: Partial<ServerCertificateOptions> = {}): Promise<string> {
    const server = await this.#authority.issueServer({ hosts: hostsDefault, ...options });
    writeFolder(folder, { authority: { certificate: this.pem }, server }, { overwrite: true });
    return folder;
  }

  /** The same for `client-cert.pem` and `client-key.pem`. */
  async issueClient(folder: string, options: Partial<ClientCertificateOptions> = {}): Promise<string> {
    const client = await this.#authority.issueClient({ name: 'client', ...options });
    writeFolder(folder, { authority: { certificate: this.pem }, client }, { overwrite: true });
    return folder;
  }

  /** A list of revoked certificates, given as files, as PEM. */
  revoke(...files: readonly string[]): Promise<string> {
    return this.#authority.revoke(files.map((file) => ({ certificate: readFileSync(file, 'utf8') })));
  }
}
