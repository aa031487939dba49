/** Working a plan off, many stretches at a time. */
import type { Defer } from '@nbdjs/interfaces';
import type { Depth } from './depth.ts';
import type { Plan, Stretch } from './plan.ts';

/** What to do with one stretch. The answer says whether it tells of how long a request takes. */
export type StretchWork = (stretch: Stretch, lane: number) => Promise<'measured' | 'unmeasured'>;

/** Devices may answer at once, one call after the other. Others on the same thread get a turn after so many milliseconds. */
const turnMs = 10;

/** As many workers as the depth allows, each with one stretch at a time. */
export class Lanes {
  readonly #plan: Plan;
  readonly #depth: Depth;
  readonly #work: StretchWork;
  readonly #signal: AbortSignal | undefined;
  readonly #nextTurn: Defer | undefined;
  readonly #busy = new Set<number>();
  #over: (() => void) | undefined;
  #failure: { readonly error: unknown } | undefined;
  #turnSinceMs = Date.now();
  #turn: Promise<void> | undefined;

  constructor(
    plan: Plan,
    depth: Depth,
    work: StretchWork,
    { signal, nextTurn }: { readonly signal: AbortSignal | undefined; readonly nextTurn: Defer | undefined },
  ) {
    this.#plan = plan;
    this.#depth = depth;
    this.#work = work;
    this.#signal = signal;
    this.#nextTurn = nextTurn;
  }

  /** Whether something has failed, and nothing should begin any more. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Lets what is under way end, and nothing new begin. */
  fail(error: unknown): void {
    this.#failure ??= { error };
  }

  /**
   * Settles when all stretches are done with, or those under way after a failure.
   *
   * @throws the first error, or the signal's reason.
   */
  async run(): Promise<void> {
    this.#signal?.throwIfAborted();
    await new Promise<void>((resolve) => {
      this.#over = resolve;
      this.#start();
    });
    this.throwIfFailed();
  }

  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#signal?.throwIfAborted();
  }

  /** Those that are too many end by themselves. */
  #start(): void {
    for (let lane = 0; lane < this.#depth.limit; lane++) {
      if (this.#busy.has(lane)) continue;
      this.#busy.add(lane);
      void this.#lane(lane).finally(() => {
        this.#busy.delete(lane);
        if (this.#busy.size === 0) this.#over?.();
      });
    }
  }

  /** Takes one stretch after the other; never rejects. */
  async #lane(lane: number): Promise<void> {
    try {
      while (!this.hasFailed && this.#signal?.aborted !== true && lane < this.#depth.limit) {
        const next = this.#plan.next();
        const stretch = next instanceof Promise ? await next : next;
        if (stretch === undefined || this.hasFailed) return;
        const startMs = Date.now();
        if ((await this.#work(stretch, lane)) === 'measured') this.#measured(startMs);
        if (startMs - this.#turnSinceMs >= turnMs) await this.#others();
      }
    } catch (error) {
      this.fail(error);
    }
  }

  /** Lets everybody else on this thread have a turn. */
  #others(): Promise<void> | undefined {
    const nextTurn = this.#nextTurn;
    if (nextTurn === undefined) return undefined;
    this.#turn ??= new Promise<void>((resolve) => {
      nextTurn(() => {
        this.#turn = undefined;
        this.#turnSinceMs = Date.now();
        resolve();
      });
    });
    return this.#turn;
  }

  /** Whole milliseconds will do, and a clock that somebody sets can at worst spoil one measurement of the depth. */
  #measured(startMs: number): void {
    const { limit } = this.#depth;
    this.#depth.completed(startMs, Date.now());
    if (this.#depth.limit > limit) this.#start();
  }
}
