/** The settings of TLS, as data: types, checks and defaults come from here. They can cross threads, with the exception of functions. */
import type { TlsAllowance } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks, type SettingsOf } from '@nbdjs/kit';

/** A certificate with its key, and the authorities to trust. */
export const tlsCertificates = defineOptions({
  /**
   * A folder with PEM files of the customary names: `ca-cert.pem` (the authorities to trust), `ca-crl.pem` (certificates that
   * were revoked), and of our own `client-cert.pem` with `client-key.pem`, or `server-cert.pem` with `server-key.pem`. What is also
   * given from memory is not read from it.
   */
  folder: option.text({
    doc: 'A folder with PEM files of the customary names: ca-cert.pem, ca-crl.pem, client-cert.pem with client-key.pem, server-cert.pem with server-key.pem. What is also given from memory is not read from it.',
  }),
  /** The authorities to trust, as PEM. */
  ca: option.text({ doc: 'The authorities to trust, as PEM.' }),
  /** Our own certificate, followed by those between it and the authority, as PEM. */
  cert: option.text({ doc: 'Our own certificate, followed by those between it and the authority, as PEM.' }),
  /** The key that belongs to it, as PEM. */
  key: option.text({ doc: 'The key that belongs to it, as PEM.' }),
  /** What opens an encrypted key. */
  passphrase: option.text({ doc: 'What opens an encrypted key.' }),
  /** A file whose first line opens it instead, read whenever the key is. */
  passphraseFile: option.text({ doc: 'A file whose first line opens it instead, read whenever the key is.' }),
  /** Lists of revoked certificates, as PEM; one for every authority of a chain. */
  crl: option.text({ doc: 'Lists of revoked certificates, as PEM; one for every authority of a chain.' }),
});

/** A certificate with its key, and the authorities to trust: from a folder, from memory, or from both. */
export interface TlsCertificates extends OptionsOf<typeof tlsCertificates> {}

/** A key that client and server have beforehand, and the user whose key it is (RFC 4279, RFC 8446 section 4.2.11). */
export type TlsClientKey =
  /** A key of 1 to 64 bytes, and its user's name of 1 to 128 bytes in UTF-8. */
  | { readonly user: string; readonly key: Uint8Array }
  /**
   * A file of lines `user:hexkey` or `#hexuser:hexkey`, and whose key to take from it. Without a `user`, the only user of the file is
   * taken; where there are several, the one with the login name of this process.
   */
  | { readonly file: string; readonly user?: string | undefined };

/** How a client sets up TLS, and how it checks the server, as data. */
export const tlsClientOptions = defineOptions({
  /**
   * The client's certificate and key, and the authorities to trust.
   *
   * @default the first that there is of `/etc/pki/libnbd` for root, or `~/.pki/libnbd` and `~/.config/pki/libnbd` for others;
   *   without one, the authorities that this system trusts, and no certificate of our own
   */
  certificates: option.object<TlsCertificates>({
    defaultText:
      'the first folder that there is of `/etc/pki/libnbd` for root, or `~/.pki/libnbd` and `~/.config/pki/libnbd` for others; without one, the authorities that this system trusts',
    doc: "The client's certificate and key, and the authorities to trust.",
  }),
  /** A shared key instead of certificates. */
  psk: option.object<TlsClientKey>({ doc: 'A shared key instead of certificates.' }),
  /**
   * The host that the server's certificate has to be for: a name, which is also sent to the server in the clear (SNI), or an address,
   * which is not. Where no host is connected to (a Unix socket, a command, a descriptor), it is needed with the system's authorities;
   * with the authorities of `certificates`, any server is accepted without it that one of them has signed.
   *
   * @default the host that is connected to
   */
  hostname: option.text({
    defaultText: 'the host that is connected to',
    doc: "The name or address that the server's certificate has to be for.",
  }),
  /** Check the server's certificate. Without, an attacker in between can read and change everything. @default true */
  verifyPeer: option.boolean({ default: true, doc: "Check the server's certificate." }),
});

/** How a client sets up TLS, and how it checks the server. */
export interface TlsClientSettings extends OptionsOf<typeof tlsClientOptions> {}

/** The same with all defaults filled in. */
export interface ResolvedClientSettings extends SettingsOf<typeof tlsClientOptions> {}

/** Keys that a server shares with its users. */
export type TlsServerKeys =
  /** A file of lines `user:hexkey` or `#hexuser:hexkey`. */
  | { readonly file: string }
  /** Keys of 1 to 64 bytes, by user. */
  | { readonly keys: Readonly<Record<string, Uint8Array>> }
  /** Returns the key of a user within the call; `undefined` for an unknown user. A function, so this is no plain data. */
  | { readonly find: (user: string) => Uint8Array | undefined };

/** How a server sets up TLS, and which clients it admits, as data. */
export const tlsServerOptions = defineOptions({
  /**
   * `require`: only TLS ("FORCEDTLS mode"). `allow`: clients choose, except for exports that are `tlsOnly`
   * ("SELECTIVETLS mode"). `off`: as if there were no settings.
   *
   * @default 'require'
   */
  mode: option.oneOf(['off', 'allow', 'require'], {
    default: 'require',
    doc: 'require: only TLS. allow: clients choose, except for exports that are `tlsOnly`. off: as if there were no settings.',
  }),
  /** The server's own certificate, and the authorities that sign the certificates of its clients. */
  certificates: option.object<TlsCertificates>({
    doc: "The server's own certificate, and the authorities that sign the certificates of its clients.",
  }),
  /** Keys that are shared with users, instead of certificates. */
  psk: option.object<TlsServerKeys>({ doc: 'Keys that are shared with users, instead of certificates.' }),
  /**
   * With certificates: clients have to show one that an authority of ours has signed.
   *
   * @default whether there is an authority (`ca-cert.pem` in the folder, or `ca`), or `allow` is given
   */
  verifyPeer: option.boolean({
    defaultText: 'whether there is an authority, or `allow` is given',
    doc: 'With certificates: clients have to show one that an authority of ours has signed.',
  }),
  /**
   * The clients to serve: subjects of certificates (`CN=client,O=Example`), or users of shared keys; or a function that decides, which
   * is not plain data. Exports have such a list of their own, too.
   *
   * @default all clients whose TLS handshake succeeds
   */
  allow: option.checked<TlsAllowance>(optionChecks.either(optionChecks.texts, optionChecks.callback), {
    defaultText: 'all clients whose TLS handshake succeeds',
    doc: 'The clients to serve: subjects of certificates, or users of shared keys; or a function that decides.',
  }),
});

/** How a server sets up TLS, and which clients it admits. */
export interface TlsServerSettings extends OptionsOf<typeof tlsServerOptions> {}

/** The same with all defaults filled in. */
export interface ResolvedServerSettings extends SettingsOf<typeof tlsServerOptions> {}
