/**
 * The limits of a server, as data: type, default, check, `docs/limits.md` and the command line's `--limit` come from here. A new
 * limit is one entry here, and a line where it is enforced: every part of the server is given all of them.
 */
import { serverHandshakeLimits } from '@nbdjs/handshake';
import { limits } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, type SettingsOf } from '@nbdjs/kit';

const mebi = 2 ** 20;

/** The limits of a server as data: name, default, unit and text of each, to check them or to list them. `docs/limits.md` has them. */
export const serverLimits = defineOptions({
  /** Time for each step of the handshake: an option, or setting up TLS. In milliseconds; 0 for no limit. @default 10000 */
  handshakeMs: option.wholeMilliseconds({
    default: limits.handshakeMs,
    zero: 'no limit',
    doc: 'Time for each step of the handshake: an option, or setting up TLS.',
  }),
  /** Clients in the handshake at a time; a client without progress makes room for the next. 0 for no limit. @default 512 */
  handshakesMax: option.count({
    default: 512,
    zero: 'no limit',
    doc: 'Clients in the handshake at a time; a client without progress makes room for the next.',
  }),
  /** Clients that use an export at a time; the others are greeted, and wait when they open one. 0 for no limit. @default 1024 */
  connectionsMax: option.count({
    default: 1024,
    zero: 'no limit',
    doc: 'Clients that use an export at a time; the others are greeted, and wait when they open one.',
  }),
  /**
   * Connections of one TCP address at a time (of one /64 network with IPv6), those that wait among them; of loopback only if it is
   * given. 0 for no limit. @default 512
   */
  connectionsPerAddressMax: option.count({
    default: 512,
    zero: 'no limit',
    doc: 'Connections of one TCP address at a time (of one /64 network with IPv6), those that wait among them; of loopback only if it is given.',
  }),
  /**
   * New connections of one TCP address each second, after a burst of twice as many; of loopback only if it is given. 0 for no
   * limit. @default 500
   */
  connectsPerSecondMax: option.count({
    default: 500,
    zero: 'no limit',
    doc: 'New connections of one TCP address each second, after a burst of twice as many; of loopback only if it is given.',
  }),
  /** Clients that may wait for a place; the next one is refused. 0 for none. @default 4096 */
  waitingMax: option.count({
    default: 4096,
    zero: 'none',
    doc: 'Clients that may wait for a place; the next one is refused.',
  }),
  /**
   * How long a client waits while those that have a place send no request; then it is refused, the last one first. In
   * milliseconds; 0 for no limit. @default 8000
   */
  waitMs: option.wholeMilliseconds({
    default: 8000,
    zero: 'no limit',
    doc: 'How long a client waits while those that have a place send no request; then it is refused, the last one first.',
  }),
  ...serverHandshakeLimits.definitions,
  /** Exports in one list. @default 100000 */
  listEntriesMax: option.count({ default: limits.listEntriesMax, doc: 'Exports in one list.' }),
  /** Names and descriptions of one list of exports together. In bytes. @default 16777216 */
  listBytesMax: option.bytes({
    default: limits.listBytesMax,
    doc: 'Names and descriptions of one list of exports together.',
  }),
  /** Export names of one client that are kept open while it chooses. @default 64 */
  exportsOpenMax: option.count({ default: 64, doc: 'Export names of one client that are kept open while it chooses.' }),
  /** Payload in flight, and in replies that wait to be read, of all clients. In bytes. @default 536870912 */
  serverBytesMax: option.bytes({
    default: 512 * mebi,
    doc: 'Payload in flight, and in replies that wait to be read, of all clients.',
  }),
  /** Requests that a device works on at a time for one client. @default 1024 */
  requestsInFlightMax: option.count({
    default: limits.requestsInFlightMax,
    doc: 'Requests that a device works on at a time for one client.',
  }),
  /** Payload of those. In bytes. @default 67108864 */
  bytesInFlightMax: option.bytes({
    default: limits.bytesInFlightMax,
    doc: 'Payload of the requests that a device works on for one client.',
  }),
  /** Replies that may wait for a client before no further request of it is begun. In bytes. @default 1048576 */
  unsentBytesMax: option.bytes({
    default: mebi,
    doc: 'Replies that may wait for a client before no further request of it is begun.',
  }),
  /** The longest read or write, announced to clients. In bytes, at most 67108864. @default 33554432 */
  payloadBytesMax: option.bytes({
    default: limits.payloadBytesDefault,
    most: limits.payloadBytesMax,
    doc: 'The longest read or write, announced to clients.',
  }),
  /**
   * The longest answer about block status, of all contexts; a client asks again for the rest. In bytes.
   * @default 1048576
   */
  statusBytesMax: option.bytes({
    default: mebi,
    doc: 'The longest answer about block status, of all contexts; a client asks again for the rest.',
  }),
  /**
   * How long a client may take to send the next `progressBytesMin` bytes of a request that it has begun, or the rest of it. In
   * milliseconds; 0 for no limit. @default 0
   */
  stallMs: option.wholeMilliseconds({
    default: 0,
    zero: 'no limit',
    doc: 'How long a client may take to send the next `progressBytesMin` bytes of a request that it has begun, or the rest of it.',
  }),
  /**
   * How long a client may take to read the next `progressBytesMin` bytes of replies that wait, or the rest of them. In
   * milliseconds; 0 for no limit. @default 0
   */
  sendStallMs: option.wholeMilliseconds({
    default: 0,
    zero: 'no limit',
    doc: 'How long a client may take to read the next `progressBytesMin` bytes of replies that wait, or the rest of them.',
  }),
  /** Fewer bytes, in the times of `stallMs` and `sendStallMs`, count as no progress. @default 1048576 */
  progressBytesMin: option.bytes({
    default: mebi,
    doc: 'Fewer bytes, in the times of `stallMs` and `sendStallMs`, count as no progress.',
  }),
  /**
   * How long a client without progress may hold memory that others wait for. In milliseconds; 0 for no limit. @default 2000
   */
  pressureMs: option.wholeMilliseconds({
    default: 2000,
    zero: 'no limit',
    doc: 'How long a client without progress may hold memory that others wait for.',
  }),
  /** How long a client without progress may have a place that others wait for. In milliseconds; 0 for no limit. @default 60000 */
  placeMs: option.wholeMilliseconds({
    default: 60_000,
    zero: 'no limit',
    doc: 'How long a client without progress may have a place that others wait for.',
  }),
  /** How long a client may send no request. In milliseconds; 0 for no limit. @default 0 */
  idleMs: option.wholeMilliseconds({
    default: 0,
    zero: 'no limit',
    doc: 'How long a client may send no request.',
  }),
  /** Time for clients to disconnect when the server closes or has refused them. In milliseconds. @default 10000 */
  closeMs: option.wholeMilliseconds({
    default: limits.closeMs,
    doc: 'Time for clients to disconnect when the server closes or has refused them.',
  }),
});

/** The limits of a server, all of them. */
export interface ServerLimits extends SettingsOf<typeof serverLimits> {}

/** Limits that differ from their defaults. */
export interface GivenLimits extends OptionsOf<typeof serverLimits> {}
