/** The limits that several packages share, with their defaults. Bytes, counts and milliseconds. */

const mebi = 2 ** 20;

/**
 * The defaults of limits that several packages share. A limit that only one package enforces is defined in that package. Each is in
 * the unit that its name ends with: bytes, milliseconds (`Ms`), else a count.
 */
export const limits = {
  /** Exports in one list. */
  listEntriesMax: 100_000,
  /** Names and descriptions of one list of exports together, in bytes. */
  listBytesMax: 16 * mebi,
  /** Queries for metadata contexts in one option. */
  contextQueriesMax: 1024,
  /** Payload that is asked for or sent in one piece when the server names no maximum, in bytes (2^25). */
  payloadBytesDefault: 32 * mebi,
  /** Payload that is never exceeded, even if the server allows more, in bytes. */
  payloadBytesMax: 64 * mebi,
  /** Extents in one block status chunk (the specification's recommended bound, 2^20). */
  replyExtentsMax: 1_048_576,
  /** Requests in flight on one connection. */
  requestsInFlightMax: 1024,
  /** Payload bytes in flight on one connection. */
  bytesInFlightMax: 64 * mebi,
  /** A client's: from the first byte to the end of the handshake. A server's: for each step of it. In milliseconds. */
  handshakeMs: 10_000,
  /** From the start of an attempt until the transport is connected, in milliseconds. */
  connectMs: 30_000,
  /** From the request to close until the channel is destroyed, in milliseconds. */
  closeMs: 10_000,
} as const;

/** The largest size and offset that NBD can express in a form that all peers accept: 2^63 - 1. */
export const sizeMax = 0x7fff_ffff_ffff_ffffn;
