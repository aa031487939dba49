/** What a server's limits are when nobody says otherwise. */
import { limits as defaults, UsageError } from '@nbdjs/interfaces';
import type { GateLimits } from './gate.ts';
import type { PlaceLimits } from './places.ts';
import type { ReceptionLimits } from './reception.ts';
import type { HandshakeBounds } from './session.ts';
import type { TransmissionLimits } from './transmission.ts';

export interface ServerLimits extends TransmissionLimits, GateLimits, HandshakeBounds, PlaceLimits, ReceptionLimits {
  /** How long a client may take over each step of the handshake (an option, setting up TLS), in milliseconds; 0 for no limit. */
  readonly handshakeMs: number;
  /** Payload bytes in flight and in replies that wait, of all clients together. */
  readonly serverBytesMax: number;
}

/** Those of the limits that are to be others than usual. */
export type GivenLimits = { readonly [Name in keyof ServerLimits]?: ServerLimits[Name] | undefined };

const settledDefaults: ServerLimits = {
  handshakeMs: defaults.handshakeMs,
  handshakesMax: defaults.handshakesMax,
  connectionsMax: defaults.connectionsMax,
  connectionsPerAddressMax: defaults.connectionsPerAddressMax,
  connectsPerSecondMax: defaults.connectsPerSecondMax,
  waitingMax: defaults.connectionsWaitingMax,
  waitMs: defaults.waitMs,
  optionsMax: defaults.optionsMax,
  optionBytesMax: defaults.optionBytesMax,
  optionsBytesMax: defaults.optionsBytesMax,
  contextQueriesMax: defaults.contextQueriesMax,
  contextsMax: defaults.contextsMax,
  listEntriesMax: defaults.listEntriesMax,
  listBytesMax: defaults.listBytesMax,
  exportsOpenMax: defaults.exportsOpenMax,
  serverBytesMax: defaults.serverBytesMax,
  requestsInFlightMax: defaults.requestsInFlightMax,
  bytesInFlightMax: defaults.bytesInFlightMax,
  unsentBytesMax: defaults.unsentBytesMax,
  payloadBytesMax: defaults.payloadBytesDefault,
  statusBytesMax: defaults.statusBytesMax,
  stallMs: defaults.stallMs,
  sendStallMs: defaults.sendStallMs,
  progressBytesMin: defaults.progressBytesMin,
  pressureMs: defaults.pressureMs,
  placeMs: defaults.placeMs,
  idleMs: defaults.idleMs,
  closeMs: defaults.closeMs,
};

/** Those for which 0 means that there is no limit, or nobody. */
const mayBeZero: ReadonlySet<string> = new Set([
  'handshakeMs',
  'handshakesMax',
  'connectionsMax',
  'connectionsPerAddressMax',
  'connectsPerSecondMax',
  'waitingMax',
  'waitMs',
  'placeMs',
  'stallMs',
  'sendStallMs',
  'pressureMs',
  'idleMs',
]);

/** @throws UsageError naming the limit that is none. */
export function settleLimits(given: GivenLimits): ServerLimits {
  const isGiven = (entry: [string, unknown]): boolean => entry[1] !== undefined;
  const settled: ServerLimits = { ...settledDefaults, ...Object.fromEntries(Object.entries(given).filter(isGiven)) };
  for (const [name, value] of Object.entries(settled)) {
    if (!(name in settledDefaults)) {
      const message = `limits.${name} is no limit of a server, expected one of ${Object.keys(settledDefaults).join(', ')}`;
      throw new UsageError('ERR_NBD_ARGUMENT', message);
    }
    const least = mayBeZero.has(name) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new UsageError('ERR_NBD_ARGUMENT', `limits.${name} is ${value}, expected a whole number from ${least} on`);
    }
  }
  if (settled.payloadBytesMax > defaults.payloadBytesMax) {
    const message = `limits.payloadBytesMax is ${settled.payloadBytesMax}, at most ${defaults.payloadBytesMax} are possible`;
    throw new UsageError('ERR_NBD_ARGUMENT', message);
  }
  return settled;
}
