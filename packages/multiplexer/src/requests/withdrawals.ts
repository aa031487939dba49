/** Requests that end before they are answered: their caller has aborted them, or their time is over. */
import type { TimeoutError } from '@nbdjs/interfaces';
import type { ConnectionSet } from '../connections/connection-set.ts';
import type { Request } from './request.ts';
import type { RequestQueue } from './request-queue.ts';

export class Withdrawals {
  readonly #queue: RequestQueue;
  readonly #connections: ConnectionSet;
  readonly #withdrawn: () => void;

  /** `withdrawn` is called when a request is out of the way that was not in flight: the next one may fit where it did not. */
  constructor(queue: RequestQueue, connections: ConnectionSet, withdrawn: () => void) {
    this.#queue = queue;
    this.#connections = connections;
    this.#withdrawn = withdrawn;
  }

  /** The caller's signal is aborted. */
  abort(request: Request): void {
    this.#withdraw(request, request.details?.signal?.reason);
  }

  /** A request has taken too long. When its memory is stuck in the channel, so is the connection. */
  expire(request: Request, error: TimeoutError): void {
    const stuck = this.#ownerOf(request);
    const isStuck = stuck?.holds(request) === true;
    this.#withdraw(request, error);
    if (isStuck) stuck.destroy(error);
  }

  #withdraw(request: Request, reason: unknown): void {
    const connection = this.#ownerOf(request);
    if (connection !== undefined) {
      connection.abandon(request, reason);
      return;
    }
    // It may have been answered, and only the channel has not let go of its memory.
    if (!this.#queue.remove(request) && !this.#connections.forgetReturned(request)) return;
    request.finish();
    request.reject(reason);
    this.#withdrawn();
  }

  #ownerOf(request: Request) {
    return request.slot >= 0 ? this.#connections.ownerOf(request) : undefined;
  }
}
