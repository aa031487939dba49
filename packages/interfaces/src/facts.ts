/** What client and server have negotiated, decoded once for all later stages. */

/** The kinds of headers in the transmission phase; each mode includes the abilities of the one before. */
export type HeaderMode = 'simple' | 'structured' | 'extended';

/** The kind of handshake. */
export type HandshakeStyle = 'oldstyle' | 'newstyle' | 'newstyle-fixed';

/** Block sizes as the server announced them (`NBD_INFO_BLOCK_SIZE`), in bytes. */
export interface BlockSizes {
  /** Offsets and lengths have to be multiples of it; a power of two. */
  readonly minimum: number;
  /** Offsets and lengths that are multiples of it are the fastest; a power of two. */
  readonly preferred: number;
  /** The longest payload; 2^32 - 1 means no limit. */
  readonly maximum: number;
}

/** A metadata context that the server selected, with its number on this connection. */
export interface SelectedContext {
  /** The context's name, such as `base:allocation`. */
  readonly name: string;
  /** Opaque, and only valid on this connection. */
  readonly id: number;
}

/** Everything that was agreed on in the handshake. Plain data: it crosses threads by structured clone. */
export interface ExportFacts {
  /** Which handshake the server used. */
  readonly style: HandshakeStyle;
  /** Which headers the transmission phase has. */
  readonly mode: HeaderMode;
  /** Whether the bytes travel in TLS. */
  readonly tls: boolean;
  /** The name that was asked for; empty for the default export. */
  readonly exportName: string;
  /** The canonical name of the export (`NBD_INFO_NAME`), when the server sent it. */
  readonly canonicalName?: string | undefined;
  /** The server's description of the export (`NBD_INFO_DESCRIPTION`), when it sent one. */
  readonly description?: string | undefined;
  /** Size in bytes, 0 to 2^64 - 1, as the server sent it. */
  readonly size: bigint;
  /** The 16 transmission flags, as the server sent them. */
  readonly transmissionFlags: number;
  /** Absent when the server announced none; then the defaults of the section "Block size constraints" hold. */
  readonly blockSizes?: BlockSizes | undefined;
  /** The metadata contexts that were selected; empty without structured replies. */
  readonly contexts: readonly SelectedContext[];
}
