/** Which requests have taken too long. */
import { TimeoutError } from '@nbdjs/interfaces';
import type { ConnectionSet } from '../connections/connection-set.ts';
import { describe } from '../errors.ts';
import type { Request } from './request.ts';
import type { RequestQueue } from './request-queue.ts';
import type { Withdrawals } from './withdrawals.ts';

export class RequestTimeouts {
  readonly #timeoutMs: number;
  readonly #connections: ConnectionSet;
  readonly #queue: RequestQueue;
  readonly #withdrawals: Withdrawals;

  /** 0 milliseconds are no limit. */
  constructor(timeoutMs: number, connections: ConnectionSet, queue: RequestQueue, withdrawals: Withdrawals) {
    this.#timeoutMs = timeoutMs;
    this.#connections = connections;
    this.#queue = queue;
    this.#withdrawals = withdrawals;
  }

  /** Ends what has taken too long, and returns when the next one will have, in milliseconds of the clock; Infinity for never. */
  check(now: number): number {
    const timeoutMs = this.#timeoutMs;
    let nextMs = Number.POSITIVE_INFINITY;
    if (timeoutMs === 0) return nextMs;
    for (const request of [...this.#connections.requests(), ...this.#queue.all()]) {
      // Our own have no limit of their own.
      if (request.isAbandoned || request.details?.onLost !== undefined) continue;
      const endMs = request.sinceMs + timeoutMs;
      if (endMs > now) nextMs = Math.min(nextMs, endMs);
      else this.#withdrawals.expire(request, tookTooLong(request, timeoutMs));
    }
    return nextMs;
  }
}

function tookTooLong(request: Request, limitMs: number): TimeoutError {
  return new TimeoutError('request', `${describe(request)}: no answer within ${limitMs} ms`);
}
