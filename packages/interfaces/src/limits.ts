/** Every limit of the house, with a finite default. Bytes, counts and milliseconds. */

const kibi = 1024;
const mebi = 1024 * kibi;

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
  /** Export names of one client that a server keeps open while it chooses. */
  exportsOpenMax: 64,
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
  /** Extents that a server puts into one block status reply, of all contexts, in bytes. */
  statusBytesMax: mebi,
  /** Requests in flight on one connection. */
  requestsInFlightMax: 1024,
  /** Payload bytes in flight on one connection. */
  bytesInFlightMax: 64 * mebi,
  /** Payload bytes in flight, and in replies that wait to be read, of all clients of a server. */
  serverBytesMax: 512 * mebi,
  /** Bytes of replies that may wait for a client before nothing more is done for it. */
  unsentBytesMax: mebi,
  /** Clients that use an export of a server at a time. */
  connectionsMax: 1024,
  /** Clients that may wait for their turn. */
  connectionsWaitingMax: 4096,
  /** How long a client waits for its turn while those who have theirs ask for nothing, in milliseconds. */
  waitMs: 8000,
  /** Clients in the handshake at a time; whoever stands still makes room for the next. */
  handshakesMax: 512,
  /** Connections of one address at a time (of one /64 network with IPv6), those that wait among them; not of this machine's own. */
  connectionsPerAddressMax: 512,
  /** New connections of one address each second, after a burst of twice as many; not of this machine's own. */
  connectsPerSecondMax: 500,
  /** A client's: from the first byte to the end of the handshake. A server's: for each step of it. In milliseconds. */
  handshakeMs: 10_000,
  /** How long a client may take over the next `progressBytesMin` bytes of a request that it has begun, in milliseconds; 0 for as long as it likes. */
  stallMs: 0,
  /** How long a client may take over reading the next `progressBytesMin` bytes of replies that wait, in milliseconds; 0 for as long as it likes. */
  sendStallMs: 0,
  /** What counts as going on, for the two above, in bytes. */
  progressBytesMin: mebi,
  /** How long a client that stands still may hold memory that others wait for, in milliseconds. */
  pressureMs: 2000,
  /** How long a client that stands still may have a place that others wait for, in milliseconds. */
  placeMs: 60_000,
  /** How long a client may ask for nothing, in milliseconds; 0 for as long as it likes. */
  idleMs: 0,
  /** From the start of an attempt until the transport stands, in milliseconds. */
  connectMs: 30_000,
  /** From the request to close until the channel is torn down, in milliseconds. */
  closeMs: 10_000,
} as const;

export type LimitName = keyof typeof limits;

/** Those of some limits that are to be others than usual. */
export type LimitOptions<Name extends LimitName> = { readonly [Given in Name]?: number | undefined };

/** The largest size and offset that NBD can express in a way all peers agree on: 2^63 - 1. */
export const sizeMax = 0x7fff_ffff_ffff_ffffn;
