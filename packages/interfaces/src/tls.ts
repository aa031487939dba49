/** The seam between a server and TLS: the implementation handles certificates and keys, the server only gets the identity of its client. */
import type { ByteChannel } from './byte-channel.ts';

/** The peer at the other end of TLS, as far as it has identified itself. */
export interface TlsPeer {
  /** `TLSv1.2` or `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher's name, such as `TLS_AES_128_GCM_SHA256`. */
  readonly cipher: string;
  /**
   * The subject of its certificate, last part first (RFC 4514), such as `CN=client,O=Example`. Only for a certificate that was checked.
   */
  readonly subject?: string | undefined;
  /** The user name of its shared key. */
  readonly user?: string | undefined;
}

/** The peers that are allowed: subjects of certificates and users of shared keys, or a function that decides. */
export type TlsAllowance = readonly string[] | ((peer: TlsPeer) => boolean);

/** A channel whose bytes travel in TLS. */
export interface SecureChannel extends ByteChannel {
  /** The peer, as far as it has identified itself. */
  readonly tls: TlsPeer;
}

/** A server's side of TLS, for any number of clients. */
export interface SecureUpgrade {
  /**
   * `require`: only TLS ("FORCEDTLS mode"). `allow`: clients choose, except for exports that need TLS ("SELECTIVETLS mode").
   * `off`: there is no TLS.
   */
  readonly mode: 'off' | 'allow' | 'require';
  /** Whether only certain clients are served, which are identified by TLS. */
  readonly isSelective: boolean;
  /** Returns whether a client is to be served. */
  admits(peer: TlsPeer): boolean;
  /**
   * Upgrades a channel, which belongs to the upgrade from then on: on failure it is closed. `timeoutMs`: time for the TLS handshake
   * in milliseconds; 0 for no limit.
   */
  upgrade(channel: ByteChannel, options: { readonly timeoutMs: number }): Promise<SecureChannel>;
}

/** Where a server's side of TLS comes from: given to the server by the program that makes it. */
export interface ServerTls {
  readonly mode: SecureUpgrade['mode'];
  /**
   * Reads what TLS needs, certificates for instance. Called when the server is made, and each time that it has to be read again.
   *
   * @param needs `identity`: some exports are for certain clients, so clients have to identify themselves where the settings leave
   *   that open
   * @throws UsageError naming the file or the setting that is wrong
   */
  load(needs: { readonly identity: boolean }): SecureUpgrade;
}
