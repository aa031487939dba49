/** The limits that several packages share, with their defaults. Bytes, counts and milliseconds. */

const kibi = 1024;
const mebi = 1024 * kibi;

/**
 * The defaults of the limits. Each is in the unit that its name ends with: bytes, milliseconds (`Ms`), else a count.
 */
export const limits = {
  /** Names, descriptions and error texts, in bytes (the specification's own bound for strings). */
  stringBytesMax: 4096,
  /** Payload of one option reply, in bytes. */
  optionReplyBytesMax: 64 * kibi,
  /** Option replies to one option, list entries aside. */
  optionRepliesMax: 4096,
  /** Exports in one list. */
  listEntriesMax: 100_000,
  /** Names and descriptions of one list of exports together, in bytes. */
  listBytesMax: 16 * mebi,
  /** Metadata contexts in one selection or list. */
  contextsMax: 1024,
  /** Payload of one option that a server keeps, in bytes; longer ones it lets go by. */
  optionBytesMax: 1024 * kibi,
  /** Options that a server takes from one client. */
  optionsMax: 65_536,
  /** Payload of all options that a server takes from one client, in bytes. */
  optionsBytesMax: 64 * mebi,
  /** Queries for metadata contexts in one option. */
  contextQueriesMax: 1024,
  /** Payload that is asked for or sent in one piece when the server names no maximum, in bytes (2^25). */
  payloadBytesDefault: 32 * mebi,
  /** Payload that is never exceeded, whatever the server allows, in bytes. */
  payloadBytesMax: 64 * mebi,
  /** Chunks in one structured reply. */
  replyChunksMax: 65_536,
  /** Stretches, with gaps between them, that the chunks of a read may have delivered at a time. */
  replyStretchesMax: 16_384,
  /** Extents in one block status chunk (the specification's recommended bound, 2^20). */
  replyExtentsMax: 1_048_576,
  /** Extents of one block status reply that a client keeps, of all contexts; what lies behind it asks for again. */
  extentsKeptMax: 131_072,
  /** Different statuses that the extents of one context may have when they are added up. */
  extentStatusesMax: 65_536,
  /** Requests in flight on one connection. */
  requestsInFlightMax: 1024,
  /** Payload bytes in flight on one connection. */
  bytesInFlightMax: 64 * mebi,
  /** A client's: from the first byte to the end of the handshake. A server's: for each step of it. In milliseconds. */
  handshakeMs: 10_000,
  /** From the start of an attempt until the transport stands, in milliseconds. */
  connectMs: 30_000,
  /** From the request to close until the channel is torn down, in milliseconds. */
  closeMs: 10_000,
} as const;

/** The largest size and offset that NBD can express in a way all peers agree on: 2^63 - 1. */
export const sizeMax = 0x7fff_ffff_ffff_ffffn;
