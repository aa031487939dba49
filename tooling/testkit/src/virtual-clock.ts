/** Time that only passes when a test says so. */
import type { Cancel, Clock } from '@nbdjs/interfaces';

interface Timer {
  readonly at: number;
  readonly task: () => void;
}

export class VirtualClock implements Clock {
  #now = 0;
  #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  schedule(delayMs: number, task: () => void): Cancel {
    const timer: Timer = { at: this.#now + delayMs, task };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers are running. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Lets time pass, timer by timer; promise continuations run after each. */
  async advance(byMs: number): Promise<void> {
    const until = this.#now + byMs;
    await settled();
    for (let next = this.#next(until); next !== undefined; next = this.#next(until)) {
      this.#now = next.at;
      this.#timers.splice(this.#timers.indexOf(next), 1);
      next.task();
      await settled();
    }
    this.#now = until;
  }

  /** The earliest timer up to a moment; of several at the same time, the one that was made first. */
  #next(until: number): Timer | undefined {
    let earliest: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at <= until && (earliest === undefined || timer.at < earliest.at)) earliest = timer;
    }
    return earliest;
  }
}

/** Lets all promise continuations run that are ready, and those that they make ready. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
