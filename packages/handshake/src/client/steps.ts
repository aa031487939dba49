/**
 * How a conversation waits.
 *
 * Each part of the handshake is a generator that reads like the exchange it describes. Where something has to come
 * from outside it yields a need and goes on once the machine has met it. So there is no state to save by hand, and
 * no I/O in here either.
 */
import type { Order } from './orders.ts';

/** A part of the handshake: waits by yielding, fails by throwing, and ends with a result. */
export type Step<Result> = Generator<Need, Result, void>;

export type Need = BytesNeed | UpgradeNeed | OrderNeed;

/** Exactly this many bytes of the server. */
interface BytesNeed {
  readonly type: 'bytes';
  readonly count: number;
  bytes: Uint8Array;
}

/** The transport's word that TLS is up. */
interface UpgradeNeed {
  readonly type: 'upgrade';
}

/** The caller's next wish. */
interface OrderNeed {
  readonly type: 'order';
  order: Order | undefined;
}

/** Waits for exactly `count` bytes; they are valid until the next wait. */
export function* receive(count: number): Step<Uint8Array> {
  const need: BytesNeed = { type: 'bytes', count, bytes: new Uint8Array(0) };
  yield need;
  return need.bytes;
}

/** Waits for the transport's upgrade. */
export function* upgrade(): Step<void> {
  yield { type: 'upgrade' };
}

/** Waits for the caller. */
export function* nextOrder(): Step<Order> {
  const need: OrderNeed = { type: 'order', order: undefined };
  while (need.order === undefined) yield need;
  return need.order;
}
