/**
 * How much of a budget is in use by the accounts of several threads, in shared memory. Exact under races: bytes are taken by compare and
 * exchange. What a thread uses is also counted by itself, so that it can be given back when the thread dies.
 */
import type { BudgetTotal } from '../admission/budget-total.ts';

/** Counts are 32 bits wide. A larger budget is counted in larger units, and what an account uses is rounded up to whole ones. */
const unitsMax = 2 ** 30;

/** Places of the sums of all threads; those of each thread follow, in the same order. */
const places = { used: 0, accounts: 1, waiting: 2 } as const;
const placesEach = 3;

/** Returns the memory for a budget that so many threads share. */
export function sharedTotalMemory(threadCount: number): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT * placesEach * (1 + threadCount));
}

export class SharedTotal implements BudgetTotal {
  readonly isShared = true;
  readonly #counts: Int32Array;
  /** Where the counts of this thread begin. */
  readonly #own: number;
  readonly #unitBytes: number;
  #isWaiting = false;

  /** `thread`: from 0. `budgetBytes`: the whole budget. */
  constructor(memory: SharedArrayBuffer, thread: number, budgetBytes: number) {
    this.#counts = new Int32Array(memory);
    this.#own = placesEach * (1 + thread);
    this.#unitBytes = 2 ** Math.max(0, Math.ceil(Math.log2(budgetBytes / unitsMax)));
  }

  get usedBytes(): number {
    return Atomics.load(this.#counts, places.used) * this.#unitBytes;
  }

  get accountCount(): number {
    return Atomics.load(this.#counts, places.accounts);
  }

  get doOthersWait(): boolean {
    return Atomics.load(this.#counts, places.waiting) > (this.#isWaiting ? 1 : 0);
  }

  addAccounts(difference: 1 | -1): void {
    this.#add(places.accounts, difference);
  }

  move(beforeBytes: number, afterBytes: number): void {
    const difference = this.#units(afterBytes) - this.#units(beforeBytes);
    if (difference !== 0) this.#add(places.used, difference);
  }

  tryMove(beforeBytes: number, afterBytes: number, mostBytes: number): boolean {
    const difference = this.#units(afterBytes) - this.#units(beforeBytes);
    const most = Math.floor(mostBytes / this.#unitBytes);
    for (let seen = Atomics.load(this.#counts, places.used); ; ) {
      if (seen > 0 && seen + difference > most) return false;
      const found = Atomics.compareExchange(this.#counts, places.used, seen, seen + difference);
      if (found === seen) break;
      seen = found;
    }
    Atomics.add(this.#counts, this.#own + places.used, difference);
    return true;
  }

  setWaiting(isWaiting: boolean): void {
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    this.#add(places.waiting, isWaiting ? 1 : -1);
  }

  /** Gives back everything that the thread uses. Only for a thread that has ended. */
  release(): void {
    for (const place of Object.values(places)) {
      Atomics.sub(this.#counts, place, Atomics.exchange(this.#counts, this.#own + place, 0));
    }
  }

  #add(place: number, difference: number): void {
    Atomics.add(this.#counts, place, difference);
    Atomics.add(this.#counts, this.#own + place, difference);
  }

  #units(bytes: number): number {
    return Math.ceil(bytes / this.#unitBytes);
  }
}
