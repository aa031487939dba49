/** Which requests have taken too long. */
import { TimeoutError } from '@nbdjs/interfaces';
import type { ConnectionSet } from '../connections/connection-set.ts';
import { describe } from '../errors.ts';
import type { Request } from './request.ts';
import type { RequestQueue } from './request-queue.ts';

export class RequestTimeouts {
  readonly #timeoutMs: number;
  readonly #connections: ConnectionSet;
  readonly #queue: RequestQueue;
  readonly #expire: (request: Request, error: TimeoutError) => void;

  /** `expire` is called with each request whose time is over; 0 milliseconds are no limit. */
  constructor(
    timeoutMs: number,
    connections: ConnectionSet,
    queue: RequestQueue,
    expire: (request: Request, error: TimeoutError) => void,
  ) {
    this.#timeoutMs = timeoutMs;
    this.#connections = connections;
    this.#queue = queue;
    this.#expire = expire;
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
      else this.#expire(request, new TimeoutError('request', `${describe(request)}: no answer within ${timeoutMs} ms`));
    }
    return nextMs;
  }
}
