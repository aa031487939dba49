/** What a server's limits are when nobody says otherwise. */
import { limits as defaults, UsageError } from '@nbdjs/interfaces';

export type ServerLimits = typeof settledDefaults;

/** Those of the limits that are to be others than usual. */
export type GivenLimits = { readonly [Name in keyof ServerLimits]?: ServerLimits[Name] | undefined };

const settledDefaults = {
  handshakeMs: defaults.handshakeMs as number,
  handshakesMax: defaults.handshakesMax as number,
  connectionsMax: defaults.connectionsMax as number,
  connectionsPerAddressMax: defaults.connectionsPerAddressMax as number,
  connectsPerSecondMax: defaults.connectsPerSecondMax as number,
  waitingMax: defaults.connectionsWaitingMax as number,
  waitMs: defaults.waitMs as number,
  optionsMax: defaults.optionsMax as number,
  optionBytesMax: defaults.optionBytesMax as number,
  optionsBytesMax: defaults.optionsBytesMax as number,
  contextQueriesMax: defaults.contextQueriesMax as number,
  contextsMax: defaults.contextsMax as number,
  listEntriesMax: defaults.listEntriesMax as number,
  listBytesMax: defaults.listBytesMax as number,
  exportsOpenMax: defaults.exportsOpenMax as number,
  serverBytesMax: defaults.serverBytesMax as number,
  requestsInFlightMax: defaults.requestsInFlightMax as number,
  bytesInFlightMax: defaults.bytesInFlightMax as number,
  unsentBytesMax: defaults.unsentBytesMax as number,
  payloadBytesMax: defaults.payloadBytesDefault as number,
  statusBytesMax: defaults.statusBytesMax as number,
  stallMs: defaults.stallMs as number,
  sendStallMs: defaults.sendStallMs as number,
  progressBytesMin: defaults.progressBytesMin as number,
  pressureMs: defaults.pressureMs as number,
  placeMs: defaults.placeMs as number,
  idleMs: defaults.idleMs as number,
  closeMs: defaults.closeMs as number,
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
