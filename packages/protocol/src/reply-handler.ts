/** What a `ReplyDecoder` tells whoever owns the requests. */
import type { ProtocolError } from '@nbdjs/interfaces';

/**
 * Learns what the replies say, in the order of the wire. Plain numbers only: 64-bit fields come as two 32-bit halves, and
 * nothing is allocated per reply. Whatever a method throws ends the decoding for good, unless `malformed` takes it upon itself.
 */
export interface ReplyHandler {
  /**
   * A simple reply begins. The answer is how many bytes of payload follow it, which only the request tells: 0 after an
   * error, and for everything but a read.
   */
  simpleReply(cookieHigh: number, cookieLow: number, error: number): number;
  /** Where the payload of the simple reply must land (memory of `length` bytes), or nothing to have it discarded. */
  simpleData(length: number): Uint8Array | undefined;
  /** The simple reply is complete. */
  simpleEnd(): void;
  /** A chunk begins; the calls up to `chunkEnd` belong to it. The offset is the request's; 0 with compact headers. */
  chunk(cookieHigh: number, cookieLow: number, type: number, offsetHigh: number, offsetLow: number): void;
  /**
   * The chunk has `length` bytes (at least 1) of data from an offset of the export on. The answer is where they must land
   * (memory of exactly that length), or nothing to have them discarded.
   */
  data(offsetHigh: number, offsetLow: number, length: number): Uint8Array | undefined;
  /** The chunk stands for `length` zeroes, at least 1. */
  hole(offsetHigh: number, offsetLow: number, length: number): void;
  /** The chunk has `count` extents (at least 1) of a context; each comes by `extent`. */
  blockStatus(contextId: number, count: number): void;
  extent(lengthHigh: number, lengthLow: number, statusHigh: number, statusLow: number): void;
  /** The chunk says that the request failed. `text` is the server's, raw, unchecked and borrowed. */
  error(error: number, text: Uint8Array): void;
  /** Where the error that was told last happened. */
  errorOffset(offsetHigh: number, offsetLow: number): void;
  /**
   * The chunk that has begun breaks a rule, and where it ends is known all the same. The answer is whether the rest of it is to be skipped,
   * up to its `chunkEnd`; without this method, or on `false`, the decoder throws the error.
   */
  malformed?(error: ProtocolError): boolean;
  /** The chunk is complete; `isDone` when it was the reply's last. */
  chunkEnd(isDone: boolean): void;
}
