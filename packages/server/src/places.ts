/**
 * Places for those who use an export, of which there may be fewer than there are clients.
 *
 * Everybody is greeted and may ask questions. Whoever wants to open an export when all places are taken waits for the answer to that
 * option, and both sides know it. (QEMU leaves whoever comes in the kernel's queue without a greeting, for as long as it takes: a client
 * that opens several connections while holding some then hangs for ever, and nobody is told.)
 *
 * Waiting makes sense while those who have a place do something: they will be done. When none of them has done anything for a while, it
 * is a disk that stays open, or clients that wait for each other, each with a part of the connections that it wants. Then those who
 * wait are refused, the last ones first: what they leave behind may be what the others have waited for.
 */
import type { Cancel, Clock } from '@nbdjs/interfaces';

export interface PlaceLimits {
  /** Clients that use an export at a time. 0 for no limit. */
  readonly connectionsMax: number;
  /** Clients that may wait for their turn; whoever comes then is turned away. */
  readonly waitingMax: number;
  /** How long a client waits while those who have their turn ask for nothing, in milliseconds; 0 for as long as it likes. */
  readonly waitMs: number;
}

/** A client. */
export interface Guest {
  /** It has asked for nothing that is not answered, and read all answers. */
  readonly isAtRest: boolean;
  /** Requests so far. */
  readonly requestCount: number;
}

/** Why there is no place. */
export type NoPlace = 'too-many' | 'no-place' | 'closing' | 'gone';

interface Waiting {
  readonly guest: Guest;
  readonly sinceMs: number;
  readonly settle: (refusal: NoPlace | undefined) => void;
}

const tickMsMax = 1000;
/** Of those who wait in vain, this part is refused at a time. */
const refusedPart = 1 / 4;

export class Places {
  readonly #clock: Clock;
  readonly #limits: PlaceLimits;
  readonly #taken = new Set<Guest>();
  /** Longest first. */
  readonly #waiting: Waiting[] = [];
  #isClosed = false;
  #cancel: Cancel | undefined;
  /** Since when nobody who has a place has done anything, and what had been done by then. */
  #restMs = 0;
  #seen = 0;
  #leftCount = 0;

  constructor(clock: Clock, limits: PlaceLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether somebody waits. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Gives a place at once, or has the guest wait for one, until it leaves. Why there is none is the answer. */
  take(guest: Guest): Promise<NoPlace | undefined> | undefined {
    const { connectionsMax, waitingMax } = this.#limits;
    if (this.#isClosed) return Promise.resolve('closing');
    if (this.#taken.has(guest)) return undefined;
    if (connectionsMax === 0 || this.#taken.size < connectionsMax) {
      this.#taken.add(guest);
      return undefined;
    }
    if (this.#waiting.length >= waitingMax) return Promise.resolve('too-many');
    if (this.#waiting.length === 0) this.#noteRest();
    const answer = new Promise<NoPlace | undefined>((settle) => {
      this.#waiting.push({ guest, sinceMs: this.#clock.now(), settle });
    });
    this.#watch();
    return answer;
  }

  /** Gives the place to the next, or stops waiting for one. */
  leave(guest: Guest): void {
    if (!this.#taken.delete(guest)) {
      const index = this.#waiting.findIndex((one) => one.guest === guest);
      if (index >= 0) for (const { settle } of this.#waiting.splice(index, 1)) settle('gone');
    } else {
      this.#leftCount++;
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#taken.add(next.guest);
        next.settle(undefined);
      }
    }
    this.#watch();
  }

  /** Nobody gets a place any more. */
  close(): void {
    this.#isClosed = true;
    for (const { settle } of this.#waiting.splice(0)) settle('closing');
    this.#watch();
  }

  /** One timer, and none while nobody waits. */
  #watch(): void {
    const { waitMs } = this.#limits;
    if (this.#waiting.length === 0 || waitMs === 0) {
      this.#cancel?.();
      this.#cancel = undefined;
    } else {
      this.#cancel ??= this.#clock.schedule(Math.max(1, Math.min(tickMsMax, waitMs / 4)), () => {
        this.#cancel = undefined;
        this.#look();
        this.#watch();
      });
    }
  }

  #look(): void {
    const isResting = [...this.#taken].every(({ isAtRest }) => isAtRest);
    if (!isResting || this.#doneSoFar() !== this.#seen) {
      this.#noteRest();
      return;
    }
    const now = this.#clock.now();
    const { waitMs } = this.#limits;
    if (now - this.#restMs < waitMs) return;
    const vain = this.#waiting.filter(({ sinceMs }) => now - sinceMs >= waitMs);
    for (const one of vain.slice(-Math.ceil(vain.length * refusedPart))) {
      this.#waiting.splice(this.#waiting.indexOf(one), 1);
      one.settle('no-place');
    }
  }

  #noteRest(): void {
    this.#restMs = this.#clock.now();
    this.#seen = this.#doneSoFar();
  }

  #doneSoFar(): number {
    let count = this.#leftCount;
    for (const { requestCount } of this.#taken) count += requestCount;
    return count;
  }
}
