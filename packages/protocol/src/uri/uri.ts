/** The content of an NBD URI (doc/uri.md of the specification), with libnbd's `nbd+vsock` and its `tls-*` parameters. */

/** Where a URI points to. */
export type UriAddress =
  | {
      readonly transport: 'tcp';
      /** A name or an address, without the brackets of an IPv6 literal. */
      readonly host: string;
      /** From 1 to 65535. */
      readonly port: number;
    }
  | {
      readonly transport: 'unix';
      /** A path; a leading NUL stands for Linux's abstract namespace. */
      readonly path: string;
    }
  | {
      readonly transport: 'vsock';
      /** Context identifier of the machine; 2 is the host. */
      readonly cid: number;
      /** From 1 to 65535. */
      readonly port: number;
    };

/** How the two sides authenticate; `anon`: they do not. */
export type TlsType = 'anon' | 'x509' | 'psk';

/** What a URI has about TLS besides its scheme. */
export interface UriTls {
  /** `tls-type` */
  readonly type?: TlsType | undefined;
  /** `tls-hostname`: the name that the server's certificate has to contain. */
  readonly hostname?: string | undefined;
  /** `tls-verify-peer` */
  readonly verifyPeer?: boolean | undefined;
  /** The user in the authority, or libnbd's `tls-username`: the name that goes with a pre-shared key. */
  readonly userName?: string | undefined;
  /** libnbd's `tls-certificates`: a folder. */
  readonly certificates?: string | undefined;
  /** libnbd's `tls-psk-file` */
  readonly pskFile?: string | undefined;
  /** libnbd's `tls-priority` */
  readonly priority?: string | undefined;
}

/** A parsed NBD URI. `parseUri` makes one, `formatUri` writes it. */
export interface NbdUri {
  /** Where the server listens. */
  readonly address: UriAddress;
  /** `true` for the schemes that begin with `nbds`: TLS, or no connection. */
  readonly tlsRequired: boolean;
  /** The parameters that begin with `tls-`, and the user. */
  readonly tls: UriTls;
  /** Empty for the default export. May contain NUL and bytes that are not UTF-8: see `decodeName`. */
  readonly exportName: string;
  /** Experimental parameters (`x-...`), by name. */
  readonly extensions: Readonly<Record<string, string>>;
}
