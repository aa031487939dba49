/**
 * Places for the clients in the handshake. When there are too many, further clients wait a moment without being greeted:
 * well-behaved clients are done soon. A client without progress makes room.
 */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import type { ServerSettings } from '../server-settings.ts';
import type { CutOffReason } from '../statistics/client-counts.ts';

type HandshakePlaceLimits = Pick<ServerSettings, 'handshakesMax' | 'waitingMax'>;

export interface HandshakingClient {
  /** For how long it has been the client's turn without a step of it, in milliseconds; 0 while it is not its turn. */
  standstillMs(now: number): number;
  cutOff(reason: CutOffReason, message: string): void;
}

/** A client is not disconnected before this time without progress. */
const patienceMs = 3000;
/** When a client has waited for this time, the one that has been in the handshake longest is disconnected, even if it makes progress. */
const waitMsMax = 10_000;
const tickMs = 250;

export class HandshakePlaces<Client extends HandshakingClient> {
  readonly #clock: Clock;
  readonly #limits: HandshakePlaceLimits;
  /** The client that has been in the handshake longest comes first. */
  readonly #inside = new Set<Client>();
  readonly #queue: { readonly sinceMs: number; readonly start: (mayEnter: boolean) => void }[] = [];
  #cancel: Cancel | undefined;
  #isClosed = false;

  constructor(clock: Clock, limits: HandshakePlaceLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Calls `begin` when there is a place, and returns what it returns; or why there is none. */
  async admit<Entering extends Client>(begin: () => Entering): Promise<Entering | 'too-many' | 'closing'> {
    if (this.#isClosed) return 'closing';
    if (this.#queue.length === 0 && (this.#hasRoom || this.#makeRoom())) return this.#enter(begin);
    if (this.#queue.length >= this.#limits.waitingMax) return 'too-many';
    return new Promise((resolve) => {
      this.#queue.push({
        sinceMs: this.#clock.now(),
        start: (mayEnter) => resolve(mayEnter ? this.#enter(begin) : 'closing'),
      });
      this.#updateTimer();
    });
  }

  /** The client is in the handshake again. */
  return(client: Client): void {
    this.#inside.add(client);
  }

  /** The client has finished the handshake, is gone, or waits for the server. May be called more than once. */
  leave(client: Client): void {
    if (this.#inside.delete(client)) this.#fill();
  }

  /** Refuses all that wait, and all that come. */
  close(): void {
    this.#isClosed = true;
    for (const { start } of this.#queue.splice(0)) start(false);
    this.#updateTimer();
  }

  get #hasRoom(): boolean {
    const { handshakesMax } = this.#limits;
    return handshakesMax === 0 || this.#inside.size < handshakesMax;
  }

  #enter<Entering extends Client>(begin: () => Entering): Entering {
    const client = begin();
    this.#inside.add(client);
    return client;
  }

  #fill(): void {
    while (this.#hasRoom) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      next.start(true);
    }
    this.#updateTimer();
  }

  #makeRoom(): boolean {
    const now = this.#clock.now();
    let slowest: Client | undefined;
    let mostMs = patienceMs;
    for (const client of this.#inside) {
      const standstillMs = client.standstillMs(now);
      if (standstillMs < mostMs || (standstillMs === mostMs && slowest !== undefined)) continue;
      slowest = client;
      mostMs = standstillMs;
    }
    const [first] = this.#queue;
    const [oldest] = this.#inside;
    if (slowest === undefined && first !== undefined && now - first.sinceMs >= waitMsMax) slowest = oldest;
    if (slowest === undefined) return false;
    this.#inside.delete(slowest);
    slowest.cutOff('handshake-crowd', 'the client is slow in the handshake, and other clients need its place');
    return true;
  }

  /** One timer, and none while no client waits. */
  #updateTimer(): void {
    if (this.#queue.length === 0) {
      this.#cancel?.();
      this.#cancel = undefined;
      return;
    }
    this.#cancel ??= this.#clock.schedule(tickMs, () => {
      this.#cancel = undefined;
      while (this.#queue.length > 0 && (this.#hasRoom || this.#makeRoom())) this.#queue.shift()?.start(true);
      this.#updateTimer();
    });
  }
}
