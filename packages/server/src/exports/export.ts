/** What a server offers, and to which clients. */
import type { BlockDevice, PeerDescription } from '@nbdjs/interfaces';
import type { ExportEntry } from '@nbdjs/protocol';
import type { TlsAllowance, TlsPeer } from '@nbdjs/transport';

/** A device and how it is shown to clients. */
export interface Export {
  readonly device: BlockDevice;
  /** For people; part of lists. */
  readonly description?: string | undefined;
  /** Refuse all commands that write. @default what the device says */
  readonly readOnly?: boolean | undefined;
  /**
   * Tell clients that they may open several connections (`NBD_FLAG_CAN_MULTI_CONN`). All of them use this one device, so a flush
   * on one covers what was answered on the others. Never told where the server lets in one client at a time.
   *
   * @default true, unless the server lets in so few at a time that a client with several connections would wait for itself
   */
  readonly multiConn?: boolean | undefined;
  /**
   * Let clients change the size of a device that has `resize` (the specification's resize extension). Only a client that is the
   * device's only one can make it shorter. @default false
   */
  readonly resizable?: boolean | undefined;
  /**
   * What to do with requests that do not fit the device's blocks, of clients that have not asked for their sizes: `mend` has the
   * device make them fit, if it can (`takesAnyRange`; see `createBlockSizeLayer` of `@nbdjs/storage`), and `refuse` answers EINVAL.
   * @default 'mend'
   */
  readonly unaligned?: 'mend' | 'refuse' | undefined;
  /** Where TLS is optional: hide this from clients without. @default false */
  readonly tlsOnly?: boolean | undefined;
  /** The clients to serve, of those that TLS has identified; clients without TLS are not served then. @default all clients */
  readonly allow?: TlsAllowance | undefined;
  /** Called once when the client that this was given to has left, or has asked for no more than facts. */
  readonly release?: (() => void) | undefined;
}

/** The client that asks. */
export interface ClientDescription {
  readonly peer: PeerDescription;
  /** What TLS knows of the client; absent before and without it. */
  readonly tls?: TlsPeer | undefined;
}

/** Decides for each client what there is. Each call may take its time. */
export interface ExportProvider {
  /**
   * The export of a name (the empty one means the default), or `undefined`. Called once for each name that a client
   * mentions. A `NegotiationError` that is thrown refuses by policy, with its message.
   */
  open(name: string, client: ClientDescription): Promise<Export | undefined> | Export | undefined;
  /** The exports that are listed. @default lists are refused */
  list?(client: ClientDescription): Promise<readonly ExportEntry[]> | readonly ExportEntry[];
}

/** A fixed table: devices or exports, by name. */
export type ExportTable = Readonly<Record<string, BlockDevice | Export>>;
