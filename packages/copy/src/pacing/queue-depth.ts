/**
 * How many requests a copy keeps in flight, found by trying.
 *
 * More in flight than it takes to keep both sides busy only moves more memory through the processor's caches; fewer leave
 * a distant server idle. From inside, a pipe that is full looks like one that is long: either way a request takes its time.
 * So now and then twice the depth is tried, and kept where it pays.
 */

import { GrowingDelay } from '@nbdjs/kit';

/** Bytes in flight that keep two servers on the same machine busy and stay in the processor's caches. */
const enoughBytes = 8 * 2 ** 20;

/** Some requests at a time are worth having however long each is: servers work on several at once. */
const leastRequests = 8;

/** A first request that takes this long, with nothing queued before it, comes from far away: no need for trials. */
const farMs = 10;

/** A measurement lasts at least this long, and this many times the depth in requests. */
const measureMs = 50;
const measureTurns = 4;

/** Twice the depth has to bring this much more, or it is not kept. */
const gainMin = 1.25;

/** Time until the next trial after one that gained nothing; twice as long after each further one. */
const restMs = { firstMs: 2000, mostMs: 16_000 };

export class QueueDepth {
  /** Requests that may be in flight now. */
  limit: number;
  readonly #max: number;
  /** The depth that has proved itself; `limit` is twice that during a trial. */
  #kept: number;
  /** Requests a millisecond at that depth. */
  #rate = 0;
  /** What the figures below are for. What was begun at another depth does not count, so each change has to settle. */
  #phase: 'starting' | 'settling' | 'measuring' | 'resting' = 'starting';
  #count = 0;
  #sinceMs = 0;
  readonly #rests = new GrowingDelay(restMs);
  #restMs = 0;

  /** `max`: requests in flight at most; `requestBytes`: the length of one. */
  constructor(max: number, requestBytes: number) {
    this.#max = max;
    this.#kept = Math.min(max, Math.max(leastRequests, Math.floor(enoughBytes / requestBytes)));
    this.limit = this.#kept;
  }

  /** A request that was begun at `startMs` has been read and written by `nowMs`. */
  completed(startMs: number, nowMs: number): void {
    if (this.#kept === this.#max) return;
    this.#count++;
    const elapsedMs = nowMs - this.#sinceMs;
    switch (this.#phase) {
      case 'starting':
        if (nowMs - startMs >= farMs) {
          this.#kept = this.#max;
          this.limit = this.#max;
        }
        this.#enter('settling', nowMs);
        break;
      case 'settling':
        if (this.#count >= this.limit) this.#enter('measuring', nowMs);
        break;
      case 'measuring':
        if (elapsedMs >= measureMs && this.#count >= measureTurns * this.limit) this.#judge(elapsedMs, nowMs);
        break;
      case 'resting':
        if (elapsedMs >= this.#restMs) this.#enter('measuring', nowMs);
        break;
    }
  }

  #judge(elapsedMs: number, nowMs: number): void {
    const rate = this.#count / elapsedMs;
    const wasTrial = this.limit !== this.#kept;
    if (wasTrial && rate < gainMin * this.#rate) {
      this.limit = this.#kept;
      this.#enter('resting', nowMs);
      this.#restMs = this.#rests.next();
      return;
    }
    if (wasTrial) this.#rests.reset();
    this.#rate = rate;
    this.#kept = this.limit;
    this.limit = Math.min(this.#max, 2 * this.#kept);
    this.#enter('settling', nowMs);
  }

  #enter(phase: 'settling' | 'measuring' | 'resting', nowMs: number): void {
    this.#phase = phase;
    this.#count = 0;
    this.#sinceMs = nowMs;
  }
}
