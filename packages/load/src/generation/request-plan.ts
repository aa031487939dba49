/** Which requests are made: what kind, how long, where. The same for the same seed, in the order in which they are asked for. */
import type { LoadSettings } from '../settings.ts';
import { type AccessPattern, RandomPattern, SequentialPattern, ZipfPattern } from './access-pattern.ts';
import { Random } from './random.ts';
import type { RequestKind } from './request-kind.ts';

/** A request that is to be made. One object for each that may be in flight, used again and again. */
export interface PlannedRequest {
  kind: RequestKind;
  /** From the start of the device, in bytes. */
  offset: number;
  length: number;
}

export class RequestPlan {
  readonly #settings: LoadSettings;
  readonly #random: Random;
  readonly #pattern: AccessPattern;
  /** Writes since the last flush. */
  #writes = 0;

  constructor(settings: LoadSettings) {
    this.#settings = settings;
    this.#random = new Random(settings.seed);
    // A generator of its own, so that the places stay the same when the shares change.
    this.#pattern = patternOf(settings, new Random(settings.seed ^ 0x5bd1e995));
  }

  /** Whether a flush is due, which then counts as taken. */
  takesFlush(): boolean {
    const { flushEvery } = this.#settings;
    if (flushEvery === 0 || this.#writes < flushEvery) return false;
    this.#writes = 0;
    return true;
  }

  /** Fills in the next request. */
  next(request: PlannedRequest): void {
    const { offset, smallest, largest } = this.#settings;
    request.kind = this.#kind();
    if (request.kind === 'write') this.#writes++;
    const steps = (largest - smallest) / smallest;
    request.length = steps === 0 ? smallest : smallest * (1 + this.#random.below(steps + 1));
    request.offset = offset + this.#pattern.next(request.length);
  }

  /** Gives the request another place, because the one that it has is in use. */
  move(request: PlannedRequest): void {
    request.offset = this.#settings.offset + this.#pattern.next(request.length);
  }

  #kind(): RequestKind {
    const { readShare, trimShare, zeroShare } = this.#settings;
    if (readShare === 1) return 'read';
    const point = this.#random.fraction();
    if (point < readShare) return 'read';
    if (point < readShare + trimShare) return 'trim';
    return point < readShare + trimShare + zeroShare ? 'zero' : 'write';
  }
}

function patternOf(settings: LoadSettings, random: Random): AccessPattern {
  const range = { length: settings.length, unit: settings.smallest };
  switch (settings.pattern) {
    case 'sequential':
      return new SequentialPattern(range);
    case 'random':
      return new RandomPattern(random, range);
    case 'zipf':
      return new ZipfPattern(random, range, settings.zipfExponent);
  }
}
