/**
 * Requests in flight, by cookie (C40).
 *
 * A cookie is a running number (high half) and the index of a slot (low half). The number is another one each time that a slot
 * is used, also on the next connection: a reply to a request that was answered before, or on an earlier connection, fits no
 * slot. Finding a request is one look into an array.
 */
import type { Request } from './request.ts';

/** The running number. Connections that share one have no cookie in common, at the same time or one after the other. */
export class CookieSequence {
  last = 0;
}

export class InFlightTable {
  readonly #requests: (Request | undefined)[] = [];
  /** Indices of free slots; the one freed last is used first, so that few slots stay warm. */
  readonly #free: number[] = [];
  readonly #cookies: CookieSequence;
  #count = 0;
  #payloadBytes = 0;

  constructor(cookies = new CookieSequence()) {
    this.#cookies = cookies;
  }

  /** Requests in flight. */
  get count(): number {
    return this.#count;
  }

  /** Their payload, either way, in bytes. */
  get payloadBytes(): number {
    return this.#payloadBytes;
  }

  /** Puts a request into a slot, and the cookie into the request. */
  put(request: Request): void {
    const slot = this.#free.pop() ?? this.#requests.length;
    this.#requests[slot] = request;
    const number = (this.#cookies.last + 1) >>> 0;
    this.#cookies.last = number;
    request.slot = slot;
    request.cookieHigh = number;
    this.#count++;
    this.#payloadBytes += request.payloadBytes;
  }

  /** The request with a cookie; `undefined` when the cookie belongs to no request in flight. */
  find(cookieHigh: number, cookieLow: number): Request | undefined {
    if (cookieLow >= this.#requests.length) return undefined;
    const request = this.#requests[cookieLow];
    return request !== undefined && request.cookieHigh === cookieHigh ? request : undefined;
  }

  remove(request: Request): void {
    const { slot } = request;
    this.#requests[slot] = undefined;
    this.#free.push(slot);
    request.slot = -1;
    this.#count--;
    this.#payloadBytes -= request.payloadBytes;
    if (this.#count === 0 && this.#payloadBytes !== 0) throw new Error('invariant: no request has the bytes in flight');
  }

  /** All that are in flight, in no promised order. */
  all(): readonly Request[] {
    return this.#requests.filter((request) => request !== undefined);
  }

  /** Takes all of them out, in the order in which they were put in. */
  clear(): readonly Request[] {
    const requests = oldestFirst(this.all(), this.#cookies);
    for (const request of requests) this.remove(request);
    return requests;
  }
}

/** Requests in the order in which they got their cookies. */
export function oldestFirst(requests: readonly Request[], { last }: CookieSequence): readonly Request[] {
  // Subtracting modulo 2^32 keeps the order right when the number has started over.
  const age = (request: Request): number => (last - request.cookieHigh) >>> 0;
  return [...requests].sort((one, other) => age(other) - age(one));
}
