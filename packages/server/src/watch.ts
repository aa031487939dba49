/** Looks at all clients now and then, for those who stand still. One timer for all, and none while nobody is there. */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import type { Budget } from './budget.ts';

/** Somebody to be looked at. */
export interface Watched {
  /** `isShort`: others have waited for memory for a while, which this one may be holding. `isWanted`: others wait for its place. */
  look(now: number, isShort: boolean, isWanted: boolean): void;
}

const tickMsMax = 1000;

export class Watch {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #budget: Budget;
  readonly #places: { readonly isWanted: boolean };
  readonly #watched = new Set<Watched>();
  #wasShort = false;
  #cancel: Cancel | undefined;

  /** `patienceMs`: the shortest time that somebody may stand still. */
  constructor(clock: Clock, patienceMs: number, budget: Budget, places: { readonly isWanted: boolean }) {
    this.#clock = clock;
    this.#places = places;
    this.#tickMs = Math.max(1, Math.min(tickMsMax, patienceMs / 4));
    this.#budget = budget;
  }

  enter(watched: Watched): void {
    this.#watched.add(watched);
    this.#cancel ??= this.#clock.schedule(this.#tickMs, () => this.#look());
  }

  leave(watched: Watched): void {
    this.#watched.delete(watched);
    if (this.#watched.size > 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wasShort = false;
  }

  #look(): void {
    const { isShort } = this.#budget;
    const now = this.#clock.now();
    this.#cancel = this.#clock.schedule(this.#tickMs, () => this.#look());
    const { isWanted } = this.#places;
    for (const watched of [...this.#watched]) watched.look(now, isShort && this.#wasShort, isWanted);
    this.#wasShort = isShort;
    this.#budget.unstick();
  }
}
