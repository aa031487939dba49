/** One message, read: what people and programs see of it. */
import type { FrameKind, Side } from '../decoding/frame.ts';

/** A part of an export with one status, as it was sent. */
export type MessageExtent = {
  /** In bytes. */
  readonly length: bigint;
  /** Its meaning depends on the context. */
  readonly status: bigint;
};

/** The fields of a message, in the order in which they are shown. A field that the message does not have is absent. */
export interface Message {
  /** Which side has sent it. */
  readonly side: Side;
  /** What it is. */
  readonly kind: FrameKind;
  /**
   * Its name in the specification: that of the command for a request (`READ`), of the option (`GO`), of the type for an option reply
   * (`INFO`) and a chunk (`OFFSET_DATA`); the kind for all others.
   */
  readonly name: string;
  /** Of an option reply: the option that it answers; of a reply: the command. */
  readonly answers?: string | undefined;
  /** Chosen by the client, and repeated in the replies. */
  readonly cookie?: bigint | undefined;
  /** In bytes. */
  readonly offset?: bigint | undefined;
  /** In bytes; of a hole, and of a request with a range. */
  readonly length?: bigint | undefined;
  /** Bytes of payload. */
  readonly payloadBytes?: number | undefined;
  /** Names of the flags that are set. */
  readonly flags?: readonly string[] | undefined;
  /** Of a chunk: whether it is the reply's last. */
  readonly done?: boolean | undefined;
  /** The name of an error, such as `EIO` or `ERR_UNSUP`. */
  readonly error?: string | undefined;
  /** The text of an error, or a description; one line. */
  readonly text?: string | undefined;
  /** The name of an export. */
  readonly exportName?: string | undefined;
  /** The export's size in bytes. */
  readonly size?: bigint | undefined;
  /** Minimum, preferred and maximum block size in bytes. */
  readonly blockSizes?: readonly [number, number, number] | undefined;
  /** Names of the kinds of information that a client asks for. */
  readonly infoTypes?: readonly string[] | undefined;
  /** Queries for metadata contexts. */
  readonly queries?: readonly string[] | undefined;
  /** The number of a metadata context. */
  readonly contextId?: number | undefined;
  /** The numbers of the contexts that a block status request is narrowed to. */
  readonly contextIds?: readonly number[] | undefined;
  /** The name of a metadata context. */
  readonly context?: string | undefined;
  /** Extents of a block status. */
  readonly extents?: readonly MessageExtent[] | undefined;
  /** What is wrong with it, or remarkable, in words. */
  readonly note?: string | undefined;
}
