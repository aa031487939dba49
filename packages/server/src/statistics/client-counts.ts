/** Counts of the clients that were accepted, refused and cut off, by reason. */

/** Why a client is refused: before it is greeted, or when it wants to open an export. */
export const refusalReasons = [
  'closing',
  'denied',
  'not-allowed',
  /** Too many clients wait already. */
  'too-many',
  /** It has waited to open an export while the clients that use one were idle. */
  'no-place',
  'too-many-from-address',
  'too-often-from-address',
] as const;

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

export type CutOffReason = (typeof cutOffReasons)[number];

export interface ClientCounts {
  /** Clients that were served. */
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
