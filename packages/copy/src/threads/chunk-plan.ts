/** The plan of one thread of a copy: the plans of the parts that it takes, one after the other. */
import type { Plan, WorkPlan } from '../plan/plan.ts';
import type { Segment } from '../plan/segment.ts';
import type { Chunk, SharedWork } from './shared-work.ts';

export class ChunkPlan implements WorkPlan {
  readonly #work: SharedWork;
  readonly #end: bigint;
  readonly #planOf: (chunk: Chunk) => Plan;
  #plan: Plan | undefined;

  /** What lies from `end` on is not part of the plan, in bytes. */
  constructor(work: SharedWork, end: bigint, planOf: (chunk: Chunk) => Plan) {
    this.#work = work;
    this.#end = end;
    this.#planOf = planOf;
  }

  next(): Segment | undefined | Promise<Segment | undefined> {
    if (this.#work.isStopped) return undefined;
    const plan = this.#plan ?? this.#advance(undefined);
    const segment = plan?.next();
    if (plan === undefined || (segment !== undefined && !(segment instanceof Promise))) return segment as Segment;
    return segment === undefined ? this.#nextOfChunk(plan) : this.#answered(plan, segment);
  }

  async #answered(plan: Plan, next: Promise<Segment | undefined>): Promise<Segment | undefined> {
    return (await next) ?? (await this.#nextOfChunk(plan));
  }

  /** The first segment of the chunk after that of `plan`, which has no more. Segments of the two may be in flight together. */
  #nextOfChunk(plan: Plan): Segment | undefined | Promise<Segment | undefined> {
    return this.#advance(plan) === undefined ? undefined : this.next();
  }

  /** Several workers find the end of one chunk: the first of them takes the next one. */
  #advance(from: Plan | undefined): Plan | undefined {
    if (this.#plan !== from) return this.#plan;
    const chunk = this.#work.take(this.#end);
    if (chunk !== undefined) this.#plan = this.#planOf(chunk);
    return chunk === undefined ? undefined : this.#plan;
  }

  /** Unknown: other threads do what lies between the chunks of this one. */
  get doneUpTo(): bigint {
    return 0n;
  }

  /** Only of use for the plan that measures; a segment of the chunk before counts as one of this. */
  done(segment: Segment): void {
    this.#plan?.done(segment);
  }
}
