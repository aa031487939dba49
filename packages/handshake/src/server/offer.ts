/** How a server describes its exports, and how it refuses. */
import type { BlockSizes, ExportFacts, HeaderMode } from '@nbdjs/interfaces';
import { OptionReply, TransmissionFlag } from '@nbdjs/protocol';

/** How an export is described to a client. */
export interface ExportOffer {
  /** Size in bytes, 0 to 2^63 - 1. */
  readonly size: bigint;
  /** What the export can do (`TransmissionFlag`). Flags that depend on the agreement are added. */
  readonly transmissionFlags: number;
  /** In bytes. Sent in answer to `GO` and `INFO`, whether the client asks for them or not. @default none are sent */
  readonly blockSizes?: BlockSizes | undefined;
  /** The canonical name, sent to clients that ask for it. @default the name that was asked for */
  readonly canonicalName?: string | undefined;
  /** For the client's user, sent in answer to `GO` and `INFO`. At most 4096 bytes of UTF-8. @default none is sent */
  readonly description?: string | undefined;
  /** Names of the metadata contexts that the export has, in its own order. */
  readonly contexts: readonly string[];
  /** In the TLS mode `allow`: the export is hidden without TLS. @default false */
  readonly tlsOnly?: boolean | undefined;
}

/** Why a client does not get what it asked for. */
export interface Refusal {
  readonly refusal: 'unknown' | 'policy' | 'platform' | 'shutdown' | 'too-big';
  /** For the client's user. */
  readonly text?: string | undefined;
}

/** What a server has agreed on with its client when transmission begins. */
export interface ServedFacts extends ExportFacts {
  /** Whether the client asked for the block sizes, and so has promised to keep to them. */
  readonly knowsBlockSizes: boolean;
}

export const refusalTypes: Readonly<Record<Refusal['refusal'], number>> = {
  unknown: OptionReply.ErrUnknown,
  policy: OptionReply.ErrPolicy,
  platform: OptionReply.ErrPlatform,
  shutdown: OptionReply.ErrShutdown,
  'too-big': OptionReply.ErrTooBig,
};

/** The flags as they go on the wire (S17, S73). `offersFilter`: block status requests may name contexts. */
export function flagsOnWire(offer: ExportOffer, mode: HeaderMode, offersFilter: boolean): number {
  let flags = offer.transmissionFlags | TransmissionFlag.HasFlags;
  flags &= ~(TransmissionFlag.SendDf | TransmissionFlag.BlockStatusPayload);
  if ((flags & TransmissionFlag.SendWriteZeroes) === 0) flags &= ~TransmissionFlag.SendFastZero;
  if (mode !== 'simple') flags |= TransmissionFlag.SendDf;
  if (mode === 'extended' && offersFilter) flags |= TransmissionFlag.BlockStatusPayload;
  return flags;
}
