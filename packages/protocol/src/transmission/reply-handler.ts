/** What a `ReplyDecoder` reports to the owner of the requests. */
import type { ProtocolError } from '@nbdjs/interfaces';

/**
 * Receives the parts of the replies in the order of the wire, as plain numbers: 64-bit fields come as two 32-bit halves, so that
 * nothing is allocated for a reply. An error that a method throws leaves the decoder by `advance` and ends the decoding, unless
 * it is a `ProtocolError` that `malformed` accepts.
 */
export interface ReplyHandler {
  /**
   * A simple reply begins. Returns how many bytes of payload follow it. Only the request determines it: its length for a read without
   * error, else 0.
   */
  simpleReply(cookieHigh: number, cookieLow: number, error: number): number;
  /** Where the payload of the simple reply must land (memory of `length` bytes), or `undefined` to discard it. */
  simpleData(length: number): Uint8Array | undefined;
  /** The simple reply is complete. */
  simpleEnd(): void;
  /** A chunk begins; the calls up to `chunkEnd` belong to it. The offset is the request's; 0 with compact headers. */
  chunk(cookieHigh: number, cookieLow: number, type: number, offsetHigh: number, offsetLow: number): void;
  /**
   * The chunk has `length` bytes (at least 1) of data from an offset of the export on. Returns where they must land
   * (memory of exactly that length), or `undefined` to discard them.
   */
  data(offsetHigh: number, offsetLow: number, length: number): Uint8Array | undefined;
  /** The chunk stands for `length` zeroes, at least 1. */
  hole(offsetHigh: number, offsetLow: number, length: number): void;
  /** The chunk has `count` extents (at least 1) of a context; each comes by `extent`. */
  blockStatus(contextId: number, count: number): void;
  /** One extent of the block status that was reported last: its length in bytes, and its status. */
  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void;
  /** The chunk says that the request failed. `text` is the server's, raw, unchecked and borrowed. */
  error(error: number, text: Uint8Array): void;
  /** Where in the export the error that was reported last happened. */
  errorOffset(offsetHigh: number, offsetLow: number): void;
  /**
   * The chunk that has begun breaks a rule, but its end is known. Returns whether to skip the rest of it, up to its `chunkEnd`.
   * Without this method, or on `false`, the decoder throws the error.
   */
  malformed?(error: ProtocolError): boolean;
  /** The chunk is complete; `isDone` when it was the reply's last. */
  chunkEnd(isDone: boolean): void;
}
