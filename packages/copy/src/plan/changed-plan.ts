/** The plan of a copy of what has changed: the plans of the ranges that a metadata context marks, one after the other. */
import type { BlockDevice } from '@nbdjs/interfaces';
import { walkExtentLists } from '@nbdjs/kit';
import type { Plan, WorkPlan } from './plan.ts';
import type { Segment } from './segment.ts';

/** Marked ranges up to this length, in bytes, are read without asking which parts of them are zero. */
export const unaskedBytes = 2n ** 20n;

/** A part of the source, in bytes. */
export interface MarkedRange {
  readonly start: bigint;
  readonly end: bigint;
}

export interface ChangedPlanOptions {
  readonly source: BlockDevice;
  /** The metadata context. */
  readonly context: string;
  /** Ranges are extended to multiples of this, in bytes. */
  readonly align: bigint;
  readonly signal: AbortSignal | undefined;
  readonly planOf: (range: MarkedRange) => Plan;
}

/** The ranges with any status but 0, extended to whole blocks, in order and apart from each other. */
export async function* markedRanges({
  source,
  context,
  align,
  signal,
}: Omit<ChangedPlanOptions, 'planOf'>): AsyncGenerator<MarkedRange, void, void> {
  const { size } = source.geometry;
  let last: MarkedRange | undefined;
  for await (const extents of walkExtentLists(source, { context, signal })) {
    for (const { offset, length, status } of extents) {
      if (status === 0n) continue;
      const start = offset - (offset % align);
      const up = offset + length + ((align - ((offset + length) % align)) % align);
      const end = up < size ? up : size;
      if (last !== undefined && start <= last.end) {
        last = { start: last.start, end };
      } else {
        if (last !== undefined) yield last;
        last = { start, end };
      }
    }
  }
  if (last !== undefined) yield last;
}

/** Hands out what is to be copied of the marked ranges. The map is read while the copy runs. */
export class ChangedPlan implements WorkPlan {
  readonly #ranges: AsyncGenerator<MarkedRange, void, void>;
  readonly #planOf: (range: MarkedRange) => Plan;
  #plan: Plan | undefined;
  #advancing: Promise<Plan | undefined> | undefined;
  #isOver = false;

  constructor({ planOf, ...options }: ChangedPlanOptions) {
    this.#ranges = markedRanges(options);
    this.#planOf = planOf;
  }

  next(): Segment | undefined | Promise<Segment | undefined> {
    const next = this.#plan?.next();
    return next === undefined || next instanceof Promise ? this.#nextOf(this.#plan, next) : next;
  }

  done(segment: Segment): void {
    this.#plan?.done(segment);
  }

  /** Unknown: what lies between the ranges is not looked at. */
  get doneUpTo(): bigint {
    return 0n;
  }

  async #nextOf(
    from: Plan | undefined,
    waiting: Promise<Segment | undefined> | undefined,
  ): Promise<Segment | undefined> {
    let plan = from;
    let segment = await waiting;
    while (segment === undefined && !this.#isOver) {
      plan = await this.#advance(plan);
      segment = await plan?.next();
    }
    return segment;
  }

  /** Several workers find the end of one range: the first of them takes the next one, and the others wait for it. */
  #advance(from: Plan | undefined): Promise<Plan | undefined> {
    if (this.#plan !== from) return Promise.resolve(this.#plan);
    this.#advancing ??= this.#ranges.next().then(({ done, value }) => {
      this.#advancing = undefined;
      if (done === true) this.#isOver = true;
      else this.#plan = this.#planOf(value);
      return done === true ? undefined : this.#plan;
    });
    return this.#advancing;
  }
}
