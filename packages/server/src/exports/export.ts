/** What a server offers, and to which clients. */
import type { BlockDevice, PeerDescription, TlsAllowance, TlsPeer } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, optionChecks } from '@nbdjs/kit';
import type { ExportEntry } from '@nbdjs/protocol';

export const exportOptions = defineOptions({
  /** Where the bytes are. It belongs to the caller: the server uses it, and never closes it. */
  device: option.object<BlockDevice>({ required: true, doc: 'The device; it belongs to the caller.' }),
  /** For people; part of lists. */
  description: option.text({ doc: 'For people; part of lists.' }),
  /** Refuse all commands that write. @default true for a device that is read-only */
  readOnly: option.boolean({
    doc: 'Refuse all commands that write.',
    defaultText: 'true for a device that is read-only',
  }),
  /**
   * Tell clients that they may open several connections (`NBD_FLAG_CAN_MULTI_CONN`). All of them use this one device, so a flush
   * on one covers what was answered on the others. Never told where the server lets in one client at a time.
   *
   * @default true, unless the server lets in so few at a time that a client with several connections would wait for itself
   */
  multiConn: option.boolean({
    doc: 'Tell clients that they may open several connections.',
    defaultText: 'true, unless the server lets in too few clients at a time',
  }),
  /**
   * Let clients change the size of a device that has `resize` (the specification's resize extension). Only a client that is the
   * device's only one can make it shorter. @default false
   */
  resizable: option.boolean({
    doc: 'Let clients change the size of a device that has `resize`.',
    defaultText: 'false',
  }),
  /**
   * What to do with requests that do not fit the device's blocks, of clients that have not asked for their sizes: `mend` has the
   * device make them fit, if it can (`takesAnyRange`; see `createBlockSizeLayer` of `@nbdjs/storage`), and `refuse` answers EINVAL.
   * @default 'mend'
   */
  unaligned: option.oneOf(['mend', 'refuse'], {
    doc: "What to do with requests that do not fit the device's blocks, of clients that have not asked for their sizes.",
    defaultText: '`mend`',
  }),
  /** Where TLS is optional: hide this from clients without. @default false */
  tlsOnly: option.boolean({ doc: 'Where TLS is optional: hide this from clients without.', defaultText: 'false' }),
  /** The clients to serve, of those that TLS has identified; clients without TLS are not served then. @default all clients */
  allow: option.checked<TlsAllowance>(optionChecks.either(optionChecks.texts, optionChecks.callback), {
    doc: 'The clients to serve, of those that TLS has identified.',
    defaultText: 'all clients',
  }),
  /** Called once when the client that this was given to has left, or has asked for no more than facts. */
  release: option.callback<() => void>({ doc: 'Called once when the client that this was given to has left.' }),
});

/** A device and how it is shown to clients. */
export interface Export extends OptionsOf<typeof exportOptions> {}

/** The client that asks. */
export interface ClientDescription {
  /** Where the client is, as far as its channel can tell. */
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
