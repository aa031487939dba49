/**
 * Places for the clients that use an export, of which there may be fewer than there are clients.
 *
 * Every client is greeted and may ask questions. A client that wants to open an export when all places are taken waits for the
 * answer to that option, and both sides know it. (QEMU leaves further clients in the kernel's queue without a greeting, for as
 * long as it takes: a client that opens several connections while it holds some then hangs for ever, and is not told why.)
 *
 * Waiting makes sense while the clients that have a place send requests: they will be done. When none of them has done
 * anything for a while, it is a disk that stays open, or clients that wait for each other, each with a part of the connections
 * that it wants. Then waiting clients are refused, the last ones first: what they leave behind may be what the others wait for.
 */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import type { ServerSettings } from '../server-settings.ts';

type PlaceLimits = Pick<ServerSettings, 'connectionsMax' | 'waitingMax' | 'waitMs'>;

export interface PlaceHolder {
  /** All of its requests are answered, and it has read all answers. */
  readonly isAtRest: boolean;
  /** Requests so far. */
  readonly requestCount: number;
}

/** Why there is no place. */
export type PlaceRefusal = 'too-many' | 'no-place' | 'closing' | 'gone';

interface WaitingClient {
  readonly client: PlaceHolder;
  readonly sinceMs: number;
  readonly settle: (refusal: PlaceRefusal | undefined) => void;
}

const tickMsMax = 1000;
/** Of the clients that wait in vain, this part is refused at a time. */
const refusedPart = 1 / 4;

export class ExportPlaces {
  readonly #clock: Clock;
  readonly #limits: PlaceLimits;
  readonly #taken = new Set<PlaceHolder>();
  /** Longest first. */
  readonly #waiting: WaitingClient[] = [];
  #isClosed = false;
  #cancel: Cancel | undefined;
  /** Since when no client that has a place has done anything, and how much had been done by then. */
  #restMs = 0;
  #progressSeen = 0;
  #leftCount = 0;

  constructor(clock: Clock, limits: PlaceLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** Whether a client waits. */
  get isWanted(): boolean {
    return this.#waiting.length > 0;
  }

  /** Gives a place at once (`undefined`), or has the client wait for one until it leaves. The answer is why there is none. */
  take(client: PlaceHolder): Promise<PlaceRefusal | undefined> | undefined {
    const { connectionsMax, waitingMax } = this.#limits;
    if (this.#isClosed) return Promise.resolve('closing');
    if (this.#taken.has(client)) return undefined;
    if (connectionsMax === 0 || this.#taken.size < connectionsMax) {
      this.#taken.add(client);
      return undefined;
    }
    if (this.#waiting.length >= waitingMax) return Promise.resolve('too-many');
    if (this.#waiting.length === 0) this.#noteProgress();
    const answer = new Promise<PlaceRefusal | undefined>((settle) => {
      this.#waiting.push({ client, sinceMs: this.#clock.now(), settle });
    });
    this.#updateTimer();
    return answer;
  }

  /** Gives the place to the next client, or stops waiting for one. */
  leave(client: PlaceHolder): void {
    if (!this.#taken.delete(client)) {
      const index = this.#waiting.findIndex((one) => one.client === client);
      if (index >= 0) for (const { settle } of this.#waiting.splice(index, 1)) settle('gone');
    } else {
      this.#leftCount++;
      const next = this.#waiting.shift();
      if (next !== undefined) {
        this.#taken.add(next.client);
        next.settle(undefined);
      }
    }
    this.#updateTimer();
  }

  /** Refuses all that wait, and all that come. */
  close(): void {
    this.#isClosed = true;
    for (const { settle } of this.#waiting.splice(0)) settle('closing');
    this.#updateTimer();
  }

  /** One timer, and none while no client waits. */
  #updateTimer(): void {
    const { waitMs } = this.#limits;
    if (this.#waiting.length === 0 || waitMs === 0) {
      this.#cancel?.();
      this.#cancel = undefined;
    } else {
      this.#cancel ??= this.#clock.schedule(Math.max(1, Math.min(tickMsMax, waitMs / 4)), () => {
        this.#cancel = undefined;
        this.#refuseVainWaiting();
        this.#updateTimer();
      });
    }
  }

  #refuseVainWaiting(): void {
    const isResting = [...this.#taken].every(({ isAtRest }) => isAtRest);
    if (!isResting || this.#progress() !== this.#progressSeen) {
      this.#noteProgress();
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

  #noteProgress(): void {
    this.#restMs = this.#clock.now();
    this.#progressSeen = this.#progress();
  }

  /** Grows with every request that is answered, and with every client that leaves. */
  #progress(): number {
    let count = this.#leftCount;
    for (const { requestCount } of this.#taken) count += requestCount;
    return count;
  }
}
