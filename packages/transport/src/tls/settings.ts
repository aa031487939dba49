/** The settings of TLS: plain data that can cross threads, with the exception of functions. */

import type { TlsAllowance } from '@nbdjs/interfaces';

/** A certificate with its key, and the authorities to trust: from a folder, from memory, or from both. */
export interface TlsCertificates {
  /**
   * A folder with PEM files of the customary names: `ca-cert.pem` (the authorities to trust), `ca-crl.pem` (certificates that
   * were revoked), and of our own `client-cert.pem` with `client-key.pem`, or `server-cert.pem` with `server-key.pem`. What is also
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

/** How a client sets up TLS, and how it checks the server. */
export interface TlsClientSettings {
  /**
   * @default the first that there is of `/etc/pki/libnbd` for root, or `~/.pki/libnbd` and `~/.config/pki/libnbd` for others;
   *   without one, the authorities that this system trusts, and no certificate of our own
   */
  readonly certificates?: TlsCertificates | undefined;
  /** A shared key instead of certificates. */
  readonly psk?: TlsClientKey | undefined;
  /**
   * The host that the server's certificate has to be for: a name, which is also sent to the server in the clear (SNI), or an address,
   * which is not. Where no host is connected to (a Unix socket, a command, a descriptor), it is needed with the system's authorities;
   * with the authorities of `certificates`, any server is accepted without it that one of them has signed.
   *
   * @default the host that is connected to
   */
  readonly hostname?: string | undefined;
  /** Check the server's certificate. Without, an attacker in between can read and change everything. @default true */
  readonly verifyPeer?: boolean | undefined;
}

/** Keys that a server shares with its users. */
export type TlsServerKeys =
  /** A file of lines `user:hexkey` or `#hexuser:hexkey`. */
  | { readonly file: string }
  /** Keys of 1 to 64 bytes, by user. */
  | { readonly keys: Readonly<Record<string, Uint8Array>> }
  /** Returns the key of a user within the call; `undefined` for an unknown user. A function, so this is no plain data. */
  | { readonly find: (user: string) => Uint8Array | undefined };

/** How a server sets up TLS, and which clients it admits. */
export interface TlsServerSettings {
  /**
   * `require`: nothing but TLS ("FORCEDTLS mode"). `allow`: clients choose, except for exports that are `tlsOnly`
   * ("SELECTIVETLS mode"). `off`: as if there were no settings.
   *
   * @default 'require'
   */
  readonly mode?: 'off' | 'allow' | 'require' | undefined;
  /** The server's own certificate, and the authorities that sign the certificates of its clients. */
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
   * The clients to serve: subjects of certificates (`CN=client,O=Example`), or users of shared keys; or a function that decides, which
   * is not plain data. Exports have such a list of their own, too.
   *
   * @default all clients whose TLS handshake succeeds
   */
  readonly allow?: TlsAllowance | undefined;
}
