/**
 * Those who are in the handshake, so many at a time. Whoever comes when there are too many waits a moment without being greeted: those
 * who mean it well are done soon. One who stands still makes room.
 */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import type { CutOffReason } from './clients.ts';

export interface ReceptionLimits {
  /** Clients in the handshake at a time; whoever stands still makes room for the next. 0 for no limit. */
  readonly handshakesMax: number;
  /** Clients that may wait for their turn; whoever comes then is turned away. */
  readonly waitingMax: number;
}

/** Somebody in the handshake. */
export interface Haggler {
  /** For how long it has been its turn, and it has done nothing; 0 while it is not its turn. In milliseconds. */
  standstillMs(now: number): number;
  cutOff(reason: CutOffReason, message: string): void;
}

/** Whoever means it well has done something after this long. */
const patienceMs = 3000;
/** Nobody waits for longer than this; then whoever has been in the handshake for longest has to go, standing still or not. */
const waitMsMax = 10_000;
const tickMs = 250;

export class Reception<Some extends Haggler> {
  readonly #clock: Clock;
  readonly #limits: ReceptionLimits;
  /** Who has been at it for longest comes first. */
  readonly #inside = new Set<Some>();
  readonly #queue: { readonly sinceMs: number; readonly start: (mayEnter: boolean) => void }[] = [];
  #cancel: Cancel | undefined;
  #isClosed = false;

  constructor(clock: Clock, limits: ReceptionLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Calls `begin` when it is the next one's turn, and gives what that gives; nothing when there are too many. */
  async admit<Guest extends Some>(begin: () => Guest): Promise<Guest | 'too-many' | 'closing'> {
    if (this.#isClosed) return 'closing';
    if (this.#queue.length === 0 && (this.#hasRoom || this.#makeRoom())) return this.#enter(begin);
    if (this.#queue.length >= this.#limits.waitingMax) return 'too-many';
    return new Promise((resolve) => {
      this.#queue.push({
        sinceMs: this.#clock.now(),
        start: (mayEnter) => resolve(mayEnter ? this.#enter(begin) : 'closing'),
      });
      this.#watch();
    });
  }

  /** It is in the handshake again. */
  return(guest: Some): void {
    this.#inside.add(guest);
  }

  /** It is through, or gone, or waits for us; may be said more than once. */
  leave(guest: Some): void {
    if (this.#inside.delete(guest)) this.#fill();
  }

  close(): void {
    this.#isClosed = true;
    for (const { start } of this.#queue.splice(0)) start(false);
    this.#watch();
  }

  get #hasRoom(): boolean {
    const { handshakesMax } = this.#limits;
    return handshakesMax === 0 || this.#inside.size < handshakesMax;
  }

  #enter<Guest extends Some>(begin: () => Guest): Guest {
    const guest = begin();
    this.#inside.add(guest);
    return guest;
  }

  #fill(): void {
    while (this.#hasRoom) {
      const next = this.#queue.shift();
      if (next === undefined) break;
      next.start(true);
    }
    this.#watch();
  }

  #makeRoom(): boolean {
    const now = this.#clock.now();
    let slowest: Some | undefined;
    let mostMs = patienceMs;
    for (const guest of this.#inside) {
      const standstillMs = guest.standstillMs(now);
      if (standstillMs < mostMs || (standstillMs === mostMs && slowest !== undefined)) continue;
      slowest = guest;
      mostMs = standstillMs;
    }
    const [first] = this.#queue;
    const [oldest] = this.#inside;
    if (slowest === undefined && first !== undefined && now - first.sinceMs >= waitMsMax) slowest = oldest;
    if (slowest === undefined) return false;
    this.#inside.delete(slowest);
    slowest.cutOff('handshake-crowd', 'others need the place of a client that takes its time over the handshake');
    return true;
  }

  /** One timer, and none while nobody waits. */
  #watch(): void {
    if (this.#queue.length === 0) {
      this.#cancel?.();
      this.#cancel = undefined;
      return;
    }
    this.#cancel ??= this.#clock.schedule(tickMs, () => {
      this.#cancel = undefined;
      while (this.#queue.length > 0 && (this.#hasRoom || this.#makeRoom())) this.#queue.shift()?.start(true);
      this.#watch();
    });
  }
}
