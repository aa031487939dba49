/** Counts of the clients that were accepted, refused and cut off, by reason. */

/** Why a client is refused: before it is greeted, or when it wants to open an export. */
export const refusalReasons = [
  /** The server is closing. */
  'closing',
  /** `access.deny` names it. */
  'denied',
  /** There is a list `access.allow`, and it is not in it. */
  'not-allowed',
  /** Too many clients wait already. */
  'too-many',
  /** It has waited to open an export while the clients that use one were idle. */
  'no-place',
  /** Its address has `connectionsPerAddressMax` connections. */
  'too-many-from-address',
  /** Its address has made more than `connectsPerSecondMax` connections a second. */
  'too-often-from-address',
  /** All threads have died, and no more of them are replaced. */
  'no-thread',
] as const;

/**
 * Why a client is refused, before it is greeted or when it wants to open an export:
 *
 * - `closing`: the server is closing.
 * - `denied`, `not-allowed`: `access` has it in `deny`, or has a list `allow` without it.
 * - `too-many`: `waitingMax` clients wait already.
 * - `no-place`: it has waited for `waitMs` to open an export, while the clients that use one were idle.
 * - `too-many-from-address`, `too-often-from-address`: `connectionsPerAddressMax` or `connectsPerSecondMax` is reached.
 * - `no-thread`: all threads have died, `replacementsMax` of them were replaced.
 */
export type RefusalReason = (typeof refusalReasons)[number];

/** Why a client is cut off. */
export const cutOffReasons = [
  /** It stood still in the handshake. */
  'handshake-time',
  /** It stood still in the handshake while another client needed its place. */
  'handshake-crowd',
  /** It broke the rules of the protocol, in the handshake or later. */
  'violation',
  /** It began a request and did not go on. */
  'stall',
  /** It did not read its replies. */
  'unread',
  /** It stood still and held memory that other clients waited for. */
  'pressure',
  /** It stood still and held a place that other clients waited for. */
  'place',
  /** It sent no request. */
  'idle',
] as const;

/**
 * Why the connection to a client is ended:
 *
 * - `handshake-time`, `handshake-crowd`: a step of its handshake took longer than `handshakeMs`, or another client needed its place.
 * - `violation`: it broke a rule of the protocol.
 * - `stall`, `unread`: it did not go on with a request for `stallMs`, or with reading replies for `sendStallMs`.
 * - `pressure`, `place`: it stood still while other clients waited, for its memory (`pressureMs`) or for its place (`placeMs`).
 * - `idle`: it sent no request for `idleMs`.
 */
export type CutOffReason = (typeof cutOffReasons)[number];

/** Numbers of clients since the server was made. */
export interface ClientCounts {
  /** Clients whose handshake was begun. */
  accepted: number;
  /** Clients that were refused, by reason. One that is refused when it opens an export counts as accepted, too. */
  readonly refused: Record<RefusalReason, number>;
  /** Clients whose connection the server ended for what they did or did not do, by reason. They count as accepted, too. */
  readonly cutOff: Record<CutOffReason, number>;
}

/** Adds the counts of clients that were cut off. */
export function addCutOffs(counts: ClientCounts, cutOff: Readonly<Record<CutOffReason, number>>): void {
  for (const reason of cutOffReasons) counts.cutOff[reason] += cutOff[reason];
}

export function noClients(): ClientCounts {
  return { accepted: 0, refused: zeroes(refusalReasons), cutOff: zeroes(cutOffReasons) };
}

function zeroes<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
}
