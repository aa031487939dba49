/** Carries out a plan, many segments at a time. */
import type { Defer } from '@nbdjs/interfaces';
import type { QueueDepth } from '@nbdjs/kit';
import type { WorkPlan } from '../plan/plan.ts';
import type { Segment } from '../plan/segment.ts';

/** Copies one segment. Returns whether its time is a measure of how long a request takes. */
export type SegmentWork = (segment: Segment, worker: number) => Promise<'measured' | 'unmeasured'>;

/** Devices may answer at once, one call after the other. Other work on the thread gets a turn after this many milliseconds. */
const turnMs = 10;

/** As many workers as the queue depth allows, each with one segment at a time. */
export class CopyWorkers {
  readonly #plan: WorkPlan;
  readonly #depth: QueueDepth;
  readonly #work: SegmentWork;
  readonly #signal: AbortSignal | undefined;
  readonly #nextTurn: Defer | undefined;
  readonly #busy = new Set<number>();
  #onIdle: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #turnStartMs = Date.now();
  #turn: Promise<void> | undefined;

  constructor(
    plan: WorkPlan,
    depth: QueueDepth,
    work: SegmentWork,
    { signal, nextTurn }: { readonly signal: AbortSignal | undefined; readonly nextTurn: Defer | undefined },
  ) {
    this.#plan = plan;
    this.#depth = depth;
    this.#work = work;
    this.#signal = signal;
    this.#nextTurn = nextTurn;
  }

  /** Whether something has failed, so that nothing new may begin. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Lets segments in flight end, and nothing new begin. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /**
   * Settles when all segments are done, or after a failure those in flight.
   *
   * @throws the first error, or the signal's reason.
   */
  async run(): Promise<void> {
    this.#signal?.throwIfAborted();
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#startWorkers();
    });
    this.throwIfFailed();
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#signal?.throwIfAborted();
  }

  /** Starts what is missing; when the depth has become less, the workers above it end by themselves. */
  #startWorkers(): void {
    for (let worker = 0; worker < this.#depth.limit; worker++) {
      if (this.#busy.has(worker)) continue;
      this.#busy.add(worker);
      void this.#runWorker(worker).finally(() => {
        this.#busy.delete(worker);
        if (this.#busy.size === 0) this.#onIdle?.();
      });
    }
  }

  /** Takes one segment after the other; never rejects. */
  async #runWorker(worker: number): Promise<void> {
    try {
      while (!this.hasFailed && this.#signal?.aborted !== true && worker < this.#depth.limit) {
        const next = this.#plan.next();
        const segment = next instanceof Promise ? await next : next;
        if (segment === undefined || this.hasFailed) return;
        const startMs = Date.now();
        if ((await this.#work(segment, worker)) === 'measured') this.#measure(startMs);
        if (startMs - this.#turnStartMs >= turnMs) await this.#yieldTurn();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Lets other work on the thread have a turn. */
  #yieldTurn(): Promise<void> | undefined {
    const nextTurn = this.#nextTurn;
    if (nextTurn === undefined) return undefined;
    this.#turn ??= new Promise<void>((resolve) => {
      nextTurn(() => {
        this.#turn = undefined;
        this.#turnStartMs = Date.now();
        resolve();
      });
    });
    return this.#turn;
  }

  /** Whole milliseconds suffice. A system clock that is set meanwhile can at worst spoil one measurement. */
  #measure(startMs: number): void {
    const { limit } = this.#depth;
    this.#depth.completed(startMs, Date.now());
    if (this.#depth.limit > limit) this.#startWorkers();
  }
}
