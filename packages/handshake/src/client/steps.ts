/** What the client's script waits for. */
import type { BytesNeed, ScriptStep, UpgradeNeed } from '../script/steps.ts';
import type { Order } from './orders.ts';

/** A part of the client's handshake. */
export type Step<Result> = ScriptStep<BytesNeed | ClientNeed, Result>;

/** What the script needs besides bytes of the server. */
export type ClientNeed = UpgradeNeed | OrderNeed;

/** The caller's next order. */
interface OrderNeed {
  readonly type: 'order';
  order: Order | undefined;
}

/** Waits for the caller. */
export function* nextOrder(): Step<Order> {
  const need: OrderNeed = { type: 'order', order: undefined };
  while (need.order === undefined) yield need;
  return need.order;
}
