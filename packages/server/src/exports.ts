/** What a server has to offer, and who decides. */

import type { ExportOffer, Refusal } from '@nbdjs/handshake';
import {
  type BlockDevice,
  type BlockSizes,
  limits,
  NegotiationError,
  type PeerDescription,
  UsageError,
} from '@nbdjs/interfaces';
import { type ExportEntry, encodeText, minimumBlockSizeMax, printableText, TransmissionFlag } from '@nbdjs/protocol';
import { isAllowed, type TlsAllowance, type TlsPeer } from '@nbdjs/transport';

/** A device and how it is shown to clients. */
export interface Export {
  readonly device: BlockDevice;
  /** For people; part of lists. */
  readonly description?: string | undefined;
  /** Refuse everything that writes. @default what the device says */
  readonly readOnly?: boolean | undefined;
  /**
   * Tell clients that they may open several connections (`NBD_FLAG_CAN_MULTI_CONN`). All of them use this one device, so a flush
   * on one covers what was answered on the others. Never told where the server lets in one client at a time.
   *
   * @default true, unless the server lets in so few at a time that a client with several connections would wait for itself
   */
  readonly multiConn?: boolean | undefined;
  /**
   * Let clients change the size of a device that has `resize` (the specification's resize extension). Whoever makes it shorter has
   * to be its only client. @default false
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
  /** Whom to serve, of those who have shown who they are by TLS; nobody without TLS then. @default everybody */
  readonly allow?: TlsAllowance | undefined;
  /** Called once when the client that this was given to has left or has been told no more than facts. */
  readonly release?: (() => void) | undefined;
}

/** Who is asking. */
export interface ClientDescription {
  readonly peer: PeerDescription;
  /** What TLS knows of the client; absent before and without it. */
  readonly tls?: TlsPeer | undefined;
}

/** Decides per client what there is. Each call may take its time. */
export interface ExportProvider {
  /**
   * What stands behind a name (the empty one means the default), or nothing. Called once for each name that a client
   * mentions. A `NegotiationError` that is thrown refuses by policy, with its message.
   */
  open(name: string, client: ClientDescription): Promise<Export | undefined> | Export | undefined;
  /** What is listed. @default lists are refused */
  list?(client: ClientDescription): Promise<readonly ExportEntry[]> | readonly ExportEntry[];
}

/** A fixed table: names, and what stands behind them. */
export type ExportTable = Readonly<Record<string, BlockDevice | Export>>;

/** @throws UsageError when a name or a description cannot travel. */
export function providerOf(exports: ExportTable | ExportProvider): ExportProvider {
  if (isProvider(exports)) return exports;
  const table = new Map(
    Object.entries(exports).map(([name, value]) => [name, 'device' in value ? value : { device: value }]),
  );
  for (const [name, { description = '' }] of table) {
    encodeText(name, 'export name');
    encodeText(description, 'description');
  }
  // A single export is the default one, whatever its name is.
  const [only] = table.size === 1 ? table.values() : [];
  return {
    open: (name) => table.get(name) ?? (name === '' ? only : undefined),
    list: ({ tls }) =>
      [...table]
        .filter(([, one]) => isVisible(one, tls))
        .map(([name, { description = '' }]) => ({ name, description })),
  };
}

function isProvider(exports: ExportTable | ExportProvider): exports is ExportProvider {
  return typeof exports.open === 'function';
}

/** Whether some of a table's exports are for certain clients, whom TLS has to make known then. */
export function namesClients(exports: ExportTable | ExportProvider): boolean {
  return !isProvider(exports) && Object.values(exports).some((one) => 'device' in one && one.allow !== undefined);
}

/** Whether an export is for clients with TLS only. */
export function needsTls({ tlsOnly, allow }: Export): boolean {
  return tlsOnly === true || allow !== undefined;
}

function isVisible(one: Export, tls: TlsPeer | undefined): boolean {
  return (tls !== undefined || !needsTls(one)) && isAllowed(one.allow, tls);
}

/** What the client is told. @throws UsageError when the device's block sizes are none. */
export function offerOf(one: Export, payloadBytesMax: number, connectionsMax = 0): ExportOffer {
  const { device, description } = one;
  const { geometry, abilities } = device;
  if (geometry.size < 0n || geometry.size > 0x7fff_ffff_ffff_ffffn) {
    throw new UsageError('ERR_NBD_ARGUMENT', `a device of ${geometry.size} bytes cannot be exported`);
  }
  return {
    size: geometry.size,
    transmissionFlags: flagsOf(one, connectionsMax),
    blockSizes: blockSizesOf(one, payloadBytesMax),
    description,
    contexts: abilities.contexts,
  };
}

/** S13: powers of two, the preferred one at least 512, the maximum a multiple of the minimum. */
function blockSizesOf({ device: { geometry, takesAnyRange } }: Export, payloadBytesMax: number): BlockSizes {
  // A device that was given larger blocks than there may be makes requests fit those.
  const largest = takesAnyRange === true ? minimumBlockSizeMax : geometry.minimumBlockSize;
  const minimum = Math.min(geometry.minimumBlockSize, largest);
  const most = Math.min(geometry.maximumBlockSize, payloadBytesMax, limits.payloadBytesMax);
  return {
    minimum,
    preferred: Math.max(minimum, geometry.preferredBlockSize, 512),
    maximum: Math.max(minimum, most - (most % minimum)),
  };
}

/** Programs that copy open so many connections where they may; fewer than that they would not all get. */
const usualConnections = 4;

/** What is announced has to fit what is let in: a client that holds some connections and waits for more waits for itself. */
function announcesMultiConn(multiConn: boolean | undefined, connectionsMax: number): boolean {
  if (connectionsMax === 1) return false;
  return multiConn ?? (connectionsMax === 0 || connectionsMax >= usualConnections);
}

function flagsOf(
  { device: { abilities, resize }, readOnly, multiConn, resizable }: Export,
  connectionsMax: number,
): number {
  const isReadOnly = readOnly === true || abilities.readOnly;
  const canWrite: number = isReadOnly
    ? TransmissionFlag.ReadOnly
    : when(abilities.trim, TransmissionFlag.SendTrim) |
      when(abilities.writeZeroes, TransmissionFlag.SendWriteZeroes) |
      when(abilities.fastZero, TransmissionFlag.SendFastZero) |
      when(resizable === true && resize !== undefined, TransmissionFlag.SendResize);
  return (
    canWrite |
    when(abilities.flush, TransmissionFlag.SendFlush) |
    // A write followed by a flush is as good, where the device knows no other way.
    when(abilities.fua || abilities.flush, TransmissionFlag.SendFua) |
    when(abilities.cache, TransmissionFlag.SendCache) |
    when(abilities.rotational, TransmissionFlag.Rotational) |
    when(announcesMultiConn(multiConn, connectionsMax), TransmissionFlag.CanMultiConn)
  );
}

function when(condition: boolean, flag: number): number {
  return condition ? flag : 0;
}

/** The refusal behind what a provider has thrown. */
export function refusalOf(thrown: unknown): Refusal {
  const text = thrown instanceof Error ? printableText(thrown.message.slice(0, 2000), 1000) : undefined;
  return { refusal: thrown instanceof NegotiationError ? 'policy' : 'platform', text };
}
