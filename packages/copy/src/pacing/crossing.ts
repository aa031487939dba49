/**
 * How long a gap of zeroes between data may be to be read like data, found by trying.
 *
 * Reading across a gap costs its bytes, stopping at it costs a request more. As long as nothing is known, gaps within what one
 * request may cover are read, all of them: then a copy never takes more requests than it would without its map, nor more bytes.
 * Where bytes are dear and requests cheap, stopping is better. So now and then that is tried, for a small part of the time that
 * the copy has taken so far, and kept where it pays.
 */

/** Requests and bytes of a span of time, and how far the copy came in it. */
interface Span {
  readonly requests: number;
  readonly bytes: number;
  /** Bytes of gaps among them. */
  readonly gapBytes: number;
  /** Data and gaps, whether they were read or not. */
  readonly passedBytes: number;
  readonly ms: number;
}

/** Gaps that make less than this share of what is read are not worth a trial. */
const gapShareMin = 1 / 3;

/** Trials may take this share of the time. */
const trialShare = 1 / 20;

/** A span lasts at least so long, and so many times the requests in flight. */
const spanMs = 20;
const spanTurns = 2;

/** How much faster stopping at gaps has to be. */
const gainMin = 1.25;

export class Crossing {
  /** Gaps up to this are read, in bytes. */
  limit: number;
  readonly #max: number;
  #phase: 'starting' | 'measuring' | 'trial starting' | 'trial measuring' = 'starting';
  #requests = 0;
  #bytes = 0;
  #gapBytes = 0;
  #passedBytes = 0;
  #sinceMs = 0;
  #beganMs: number | undefined;
  #trialBeganMs = 0;
  #trialMs = 0;
  #before: Span | undefined;
  #limitBefore: number;

  /** `max`: the longest gap that may be read, in bytes. */
  constructor(max: number) {
    this.#max = max;
    this.limit = max;
    this.#limitBefore = max;
  }

  /** A request is about to read `bytes`, of which `gapBytes` are gaps. */
  reads(bytes: number, gapBytes: number): void {
    this.#passedBytes += bytes;
    this.#gapBytes += gapBytes;
  }

  /** A gap is not read that might have been. */
  stopsAt(gapBytes: number): void {
    this.#passedBytes += gapBytes;
  }

  /** A request has been read and written by `nowMs`, one of `inFlight`. */
  completed(bytes: number, inFlight: number, nowMs: number): void {
    this.#beganMs ??= nowMs;
    this.#requests++;
    this.#bytes += bytes;
    const isFull = this.#requests >= spanTurns * inFlight && nowMs - this.#sinceMs >= spanMs;
    switch (this.#phase) {
      // What was begun before does not count.
      case 'starting':
      case 'trial starting':
        if (this.#requests >= inFlight)
          this.#enter(this.#phase === 'starting' ? 'measuring' : 'trial measuring', nowMs);
        break;
      case 'measuring':
        if (isFull) this.#consider(inFlight, nowMs);
        break;
      case 'trial measuring':
        if (isFull) this.#judge(nowMs);
        break;
    }
  }

  /** Begins a trial, if there is enough to win and time for it. */
  #consider(inFlight: number, nowMs: number): void {
    const span = this.#span(nowMs);
    const isStopping = this.limit < this.#max;
    const isWorthIt = isStopping || span.gapBytes >= gapShareMin * span.bytes;
    // At worst a request takes as long as one across all gaps does.
    const expectedMs = ((spanTurns + 1) * inFlight * span.ms) / span.requests;
    const allowedMs = trialShare * (nowMs - (this.#beganMs ?? nowMs));
    if (!isWorthIt || this.#trialMs + expectedMs > allowedMs) {
      this.#enter('measuring', nowMs);
      return;
    }
    this.#before = span;
    this.#limitBefore = this.limit;
    this.limit = isStopping ? this.#max : 0;
    this.#trialBeganMs = nowMs;
    this.#enter('trial starting', nowMs);
  }

  #judge(nowMs: number): void {
    const span = this.#span(nowMs);
    const before = this.#before ?? span;
    const wasStopping = this.limit === 0;
    const speed = ({ passedBytes, ms }: Span): number => passedBytes / ms;
    this.#trialMs += nowMs - this.#trialBeganMs;
    const gain = speed(span) / speed(before);
    if (wasStopping && gain >= gainMin) this.limit = worth(before, span, this.#max);
    // Without a clear gain of stopping, nothing is risked.
    else if (wasStopping || gain < 1 / gainMin) this.limit = this.#limitBefore;
    else this.limit = this.#max;
    this.#enter('starting', nowMs);
  }

  #span(nowMs: number): Span {
    return {
      requests: this.#requests,
      bytes: this.#bytes,
      gapBytes: this.#gapBytes,
      passedBytes: this.#passedBytes,
      ms: Math.max(1, nowMs - this.#sinceMs),
    };
  }

  #enter(phase: 'starting' | 'measuring' | 'trial starting' | 'trial measuring', nowMs: number): void {
    this.#phase = phase;
    this.#requests = 0;
    this.#bytes = 0;
    this.#gapBytes = 0;
    this.#passedBytes = 0;
    this.#sinceMs = nowMs;
  }
}

/** The bytes that cost as much as a request, where both spans took `requests * a + bytes * b` milliseconds. */
function worth(one: Span, other: Span, max: number): number {
  const perRequest = one.ms * other.bytes - other.ms * one.bytes;
  const perByte = one.requests * other.ms - other.requests * one.ms;
  const determinant = one.requests * other.bytes - other.requests * one.bytes;
  if (determinant === 0 || perByte / determinant <= 0) return max;
  return Math.min(max, Math.max(0, perRequest / perByte));
}
