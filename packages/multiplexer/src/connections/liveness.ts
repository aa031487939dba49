/**
 * Time limits for requests and for silence. One timer for everything, which runs while something is under way and rings when
 * the first limit may be reached: requests cost no timer each.
 */
import { type Cancel, type Clock, TimeoutError } from '@nbdjs/interfaces';
import { describe } from '../errors.ts';
import type { Request } from '../requests/request.ts';
import type { ConnectionSet } from './connection-set.ts';

export interface WatchOptions {
  readonly clock: Clock;
  /** 0 for no limit; so with the others. In milliseconds. */
  readonly requestTimeoutMs: number;
  readonly silenceMs: number;
  readonly keepAliveMs: number;
}

export interface WatchEvents {
  /** Requests that have not been given to any connection. */
  waiting(): readonly Request[];
  /** A request has taken too long. */
  expired(request: Request, error: TimeoutError): void;
}

/** Makes a watch, if there is anything to watch. */
export function createWatch(options: WatchOptions, fleet: ConnectionSet, events: WatchEvents): Watch | undefined {
  const { requestTimeoutMs, silenceMs, keepAliveMs } = options;
  return requestTimeoutMs > 0 || silenceMs > 0 || keepAliveMs > 0 ? new Watch(options, fleet, events) : undefined;
}

export class Watch {
  readonly #options: WatchOptions;
  readonly #fleet: ConnectionSet;
  readonly #events: WatchEvents;
  /** No limit is reached earlier than this after what it is counted from. */
  readonly #leastMs: number;
  #cancel: Cancel | undefined;

  constructor(options: WatchOptions, fleet: ConnectionSet, events: WatchEvents) {
    this.#options = options;
    this.#fleet = fleet;
    this.#events = events;
    const { requestTimeoutMs, silenceMs, keepAliveMs } = options;
    this.#leastMs = Math.min(...[requestTimeoutMs, silenceMs, keepAliveMs].filter((limitMs) => limitMs > 0));
  }

  /** Something is under way from now on; tells when that is. */
  begin(): number {
    this.#cancel ??= this.#options.clock.schedule(this.#leastMs, () => this.#look());
    return Math.floor(this.#options.clock.now());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #look(): void {
    this.#cancel = undefined;
    const now = this.#options.clock.now();
    const nextMs = Math.min(this.#lookAtConnections(now), this.#lookAtRequests(now));
    if (!Number.isFinite(nextMs)) return;
    // What is issued later may have an earlier end, but not earlier than that.
    const delayMs = Math.min(Math.max(nextMs - now, 1), this.#leastMs);
    this.#cancel ??= this.#options.clock.schedule(delayMs, () => this.#look());
  }

  /** Ends what has taken too long, and tells when the next one will have. */
  #lookAtRequests(now: number): number {
    const { requestTimeoutMs } = this.#options;
    let nextMs = Number.POSITIVE_INFINITY;
    if (requestTimeoutMs === 0) return nextMs;
    for (const request of [...this.#fleet.requests(), ...this.#events.waiting()]) {
      // Our own have no limit of their own.
      if (request.isAbandoned || request.details?.onLost !== undefined) continue;
      const endMs = request.sinceMs + requestTimeoutMs;
      if (endMs > now) nextMs = Math.min(nextMs, endMs);
      else this.#events.expired(request, tookTooLong(request, requestTimeoutMs));
    }
    return nextMs;
  }

  /** Ends connections that are silent, asks those that are idle, and tells when there is something to do again. */
  #lookAtConnections(now: number): number {
    const { silenceMs, keepAliveMs } = this.#options;
    let nextMs = Number.POSITIVE_INFINITY;
    for (const wire of this.#fleet.all()) {
      const { heardMs, owes } = wire;
      const limitMs = owes ? silenceMs : keepAliveMs;
      if (limitMs === 0) continue;
      const endMs = heardMs + limitMs;
      if (endMs > now) {
        nextMs = Math.min(nextMs, endMs);
      } else if (owes) {
        wire.destroy(new TimeoutError('silence', `the server has not said a thing for ${silenceMs} ms`));
      } else {
        this.#fleet.ask(wire);
        nextMs = Math.min(nextMs, now + (silenceMs > 0 ? silenceMs : keepAliveMs));
      }
    }
    return nextMs;
  }
}

function tookTooLong(request: Request, limitMs: number): TimeoutError {
  return new TimeoutError('request', `${describe(request)}: no answer within ${limitMs} ms`);
}
