/** Who has come to a server, who was turned away, and who was cut off. */

/** Why a client was turned away: before it was greeted, or when it wanted to open an export. */
const refusalReasons = [
  'closing',
  'denied',
  'not-allowed',
  /** So many wait already. */
  'too-many',
  /** It has waited to open an export, and those who have their turn do nothing. */
  'no-place',
  'too-many-from-address',
  'too-often-from-address',
] as const;

export type RefusalReason = (typeof refusalReasons)[number];

/** Why a client was cut off. */
const cutOffReasons = [
  /** It stood still in the handshake. */
  'handshake-time',
  /** It stood still in the handshake when others needed the place. */
  'handshake-crowd',
  /** It has broken the rules of the protocol, in the handshake or later. */
  'violation',
  /** It began a request and did not go on. */
  'stall',
  /** It did not read its replies. */
  'unread',
  /** It stood still and held memory that others waited for. */
  'pressure',
  /** It stood still and had a place that others waited for. */
  'place',
  /** It asked for nothing. */
  'idle',
] as const;

export type CutOffReason = (typeof cutOffReasons)[number];

export interface ClientCounts {
  /** Those that were served. */
  accepted: number;
  readonly refused: Record<RefusalReason, number>;
  readonly cutOff: Record<CutOffReason, number>;
}

export function noClients(): ClientCounts {
  return { accepted: 0, refused: zeroes(refusalReasons), cutOff: zeroes(cutOffReasons) };
}

function zeroes<Key extends string>(keys: readonly Key[]): Record<Key, number> {
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<Key, number>;
}
