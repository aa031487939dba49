/**
 * How many requests a copy or a stream keeps in flight, found by trying.
 *
 * More in flight than it takes to keep both sides busy only moves more memory through the processor's caches; fewer leave
 * a distant server idle. From inside, a pipe that is full looks like one that is long: either way a request takes its time.
 * So now and then twice the depth is tried, and kept where it pays.
 *
 * Only the first request finds the path empty. Where it takes long, the server is far away, and trials as above would take many
 * round trips. There the depth doubles with every round trip for as long as that brings more, and then becomes what the path
 * holds at the rate that was found.
 */

import { GrowingDelay } from '../delays/growing-delay.ts';

/** Bytes in flight that keep two servers on the same machine busy and stay in the processor's caches. */
const enoughBytes = 4 * 2 ** 20;

/** Some requests at a time are worth having however long each is: servers work on several at once. */
const leastRequests = 8;

/** A first request that takes this long, with nothing queued before it, comes from far away. */
const farMs = 4;

/** So many round trips in a row have to bring no more before the path from far away counts as full. One may have had bad luck. */
const fullTrips = 2;

/** What the path holds, this many times: a request that comes late must not leave it empty. */
const spareFactor = 2;

/** A measurement lasts at least this long, and this many times the depth in requests. */
const measureMs = 50;
const measureTurns = 4;

/** Twice the depth has to bring this much more, or it is not kept. */
const gainMin = 1.25;

/** Time until the next trial after one that gained nothing; twice as long after each further one. */
const restMs = { firstMs: 2000, mostMs: 16_000 };

/** Where a trial takes long, because the path carries little, the time until the next one is this many times as long. */
const restFactor = 8;

/** The number of requests in flight, from the times that requests take. It has no clock and no timers of its own. */
export class QueueDepth {
  /** Requests that may be in flight now; changes only within `completed`. */
  limit: number;
  readonly #max: number;
  /** The depth that has proved itself; `limit` is twice that during a trial. */
  #kept: number;
  /** Requests a millisecond at that depth. */
  #rate = 0;
  /** What the figures below are for. What was begun at another depth does not count, so each change has to settle. */
  #phase: 'starting' | 'widening' | 'settling' | 'measuring' | 'resting' = 'starting';
  /** Of a server that is far away: the shortest time of a request so far, and the round trips in a row that brought no more. */
  #tripMs = 0;
  #fullTrips = 0;
  #count = 0;
  #sinceMs = 0;
  readonly #rests = new GrowingDelay(restMs);
  #restMs = 0;
  /** When the last trial began. */
  #trialMs = 0;

  /** `max`: requests in flight at most; `requestBytes`: the length of one. */
  constructor(max: number, requestBytes: number) {
    this.#max = max;
    this.#kept = Math.min(max, Math.max(leastRequests, Math.floor(enoughBytes / requestBytes)));
    this.limit = this.#kept;
  }

  /**
   * A request has been completed. Times are in milliseconds of any clock; whole ones suffice.
   *
   * @param startMs when it was begun
   * @param nowMs the present time
   * @param requests how many it stands for, when it is longer than others
   */
  completed(startMs: number, nowMs: number, requests = 1): void {
    if (this.#kept === this.#max) return;
    this.#count += requests;
    const elapsedMs = nowMs - this.#sinceMs;
    switch (this.#phase) {
      case 'starting':
        this.#tripMs = nowMs - startMs;
        if (this.#tripMs >= farMs) this.limit = Math.min(this.#max, 2 * this.limit);
        this.#enter(this.#tripMs >= farMs ? 'widening' : 'settling', nowMs);
        break;
      case 'widening':
        this.#tripMs = Math.min(this.#tripMs, nowMs - startMs);
        // The first request that was begun since ends the round trip.
        if (startMs >= this.#sinceMs && elapsedMs > 0) this.#widen(elapsedMs, nowMs);
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

  /** A round trip is over: twice the depth, or, where the path is full, what it holds. */
  #widen(elapsedMs: number, nowMs: number): void {
    const rate = this.#count / elapsedMs;
    // A round trip that takes far longer than a request alone shows a queue.
    const isMore = rate >= gainMin * this.#rate && elapsedMs < spareFactor * this.#tripMs;
    this.#rate = Math.max(this.#rate, rate);
    this.#fullTrips = isMore ? 0 : this.#fullTrips + 1;
    if (this.#fullTrips < fullTrips) {
      if (isMore) this.limit = Math.min(this.#max, 2 * this.limit);
      this.#enter('widening', nowMs);
      return;
    }
    this.#kept = Math.min(this.#max, Math.max(this.#kept, Math.ceil(spareFactor * this.#rate * this.#tripMs)));
    this.limit = this.#kept;
    this.#rest(nowMs);
  }

  #judge(elapsedMs: number, nowMs: number): void {
    const rate = this.#count / elapsedMs;
    const wasTrial = this.limit !== this.#kept;
    if (wasTrial && rate < gainMin * this.#rate) {
      this.limit = this.#kept;
      this.#rest(nowMs, restFactor * (nowMs - this.#trialMs));
      return;
    }
    if (wasTrial) this.#rests.reset();
    this.#rate = rate;
    this.#kept = this.limit;
    this.limit = Math.min(this.#max, 2 * this.#kept);
    this.#trialMs = nowMs;
    this.#enter('settling', nowMs);
  }

  #rest(nowMs: number, leastMs = 0): void {
    this.#enter('resting', nowMs);
    this.#restMs = Math.max(leastMs, this.#rests.next());
  }

  #enter(phase: 'widening' | 'settling' | 'measuring' | 'resting', nowMs: number): void {
    this.#phase = phase;
    this.#count = 0;
    this.#sinceMs = nowMs;
  }
}
