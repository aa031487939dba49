/** What TLS may be told, as plain data: it crosses threads. */

import type { TlsAllowance } from '@nbdjs/interfaces';

/** A certificate with its key, and whom to trust: from a folder, from memory, or from both. */
export interface TlsCertificates {
  /**
   * A folder with PEM files of the customary names: `ca-cert.pem` (whom to trust), `ca-crl.pem` (certificates that were
   * revoked), and of our own `client-cert.pem` with `client-key.pem`, or `server-cert.pem` with `server-key.pem`. What is also
   * given from memory is not read from it.
   */
  readonly folder?: string | undefined;
  /** The authorities to trust, as PEM. */
  readonly ca?: string | undefined;
  /** Our own certificate, followed by those between it and the authority, as PEM. */
  readonly cert?: string | undefined;
  /** The key that belongs to it, as PEM. */
  readonly key?: string | undefined;
  /** What opens an encrypted key. */
  readonly passphrase?: string | undefined;
  /** A file whose first line opens it instead, read whenever the key is. */
  readonly passphraseFile?: string | undefined;
  /** Lists of revoked certificates, as PEM; one for every authority of a chain. */
  readonly crl?: string | undefined;
}

/** A key that client and server know beforehand, and the user whose key it is (RFC 4279, RFC 8446 section 4.2.11). */
export type TlsClientKey =
  /** A key of 1 to 64 bytes, and its user's name of 1 to 128 bytes in UTF-8. */
  | { readonly user: string; readonly key: Uint8Array }
  /**
   * A file of lines `user:hexkey` or `#hexuser:hexkey`, and whose key to take from it. Without a `user`, the only user of the file is
   * taken; where there are several, the one with the login name of this process.
   */
  | { readonly file: string; readonly user?: string | undefined };

/** How a client sets up TLS, and whom it takes a server for. */
export interface TlsClientSettings {
  /**
   * @default the first that there is of `/etc/pki/libnbd` for root, or `~/.pki/libnbd` and `~/.config/pki/libnbd` for others;
   *   without one, the authorities that this system trusts, and no certificate of our own
   */
  readonly certificates?: TlsCertificates | undefined;
  /** A shared key instead of certificates. */
  readonly psk?: TlsClientKey | undefined;
  /**
   * Whom the server's certificate has to be for: a name, or an address (of which there is nothing in the clear then). Needed with
   * certificates where no host is connected to (a Unix socket, a command, a descriptor) and the authorities are the system's; with
   * others, any server will do that they vouch for.
   *
   * @default the host that is connected to
   */
  readonly hostname?: string | undefined;
  /** Check the server's certificate. Without, anybody in between can read and change everything. @default true */
  readonly verifyPeer?: boolean | undefined;
}

/** Keys that a server shares with its users. */
export type TlsServerKeys =
  /** A file of lines `user:hexkey` or `#hexuser:hexkey`. */
  | { readonly file: string }
  /** Keys of 1 to 64 bytes, by user. */
  | { readonly keys: Readonly<Record<string, Uint8Array>> }
  /** Looks a user's key up, at once; nothing for whoever is not known. Not plain data, the one exception here. */
  | { readonly find: (user: string) => Uint8Array | undefined };

/** How a server sets up TLS, and whom it lets in. */
export interface TlsServerSettings {
  /**
   * `require`: nothing but TLS ("FORCEDTLS mode"). `allow`: whoever wants, except for exports that are `tlsOnly`
   * ("SELECTIVETLS mode"). `off`: as if there were no settings.
   *
   * @default 'require'
   */
  readonly mode?: 'off' | 'allow' | 'require' | undefined;
  /** The server's own certificate, and the authorities whose clients it knows. */
  readonly certificates?: TlsCertificates | undefined;
  /** Keys that are shared with users, instead of certificates. */
  readonly psk?: TlsServerKeys | undefined;
  /**
   * With certificates: clients have to show one that an authority of ours has signed.
   *
   * @default whether there is an authority (`ca-cert.pem` in the folder, or `ca`), or `allow` is given
   */
  readonly verifyPeer?: boolean | undefined;
  /**
   * Whom to serve: subjects of certificates (`CN=client,O=Example`), or users of shared keys; or a function that decides, which is
   * not plain data. Exports have such a list of their own, too.
   *
   * @default everybody who could show who they are
   */
  readonly allow?: TlsAllowance | undefined;
}
