/** When requests begin, with a rate: at moments that do not depend on when earlier ones end. */
import type { Cancel } from '@nbdjs/interfaces';
import type { LoadSurroundings } from '../surroundings.ts';

/** Timers fire up to so many milliseconds late; what begins sooner is waited for turn by turn of the event loop. */
const timerSlackMs = 2;

interface Waiting {
  readonly atMs: number;
  readonly begin: () => void;
}

export class Pacer {
  readonly #surroundings: LoadSurroundings;
  readonly #intervalMs: number;
  /** By the moments they wait for, which is the order in which they came. */
  #waiting: Waiting[] = [];
  readonly #startMs: number;
  #taken = 0;
  #cancel: Cancel | undefined;
  #isArmed = false;
  #isEnded = false;

  constructor(requestsPerSecond: number, surroundings: LoadSurroundings) {
    this.#surroundings = surroundings;
    this.#intervalMs = 1000 / requestsPerSecond;
    this.#startMs = surroundings.clock.now();
  }

  /** How many requests have to have begun before a moment. */
  dueBefore(nowMs: number): number {
    return Math.ceil(Math.max(0, nowMs - this.#startMs) / this.#intervalMs);
  }

  /** Takes the moment at which the next request has to begin. */
  take(): number {
    return this.#startMs + this.#taken++ * this.#intervalMs;
  }

  /** Waits for a moment, which is not before those that are waited for already. */
  wait(atMs: number): Promise<void> | undefined {
    if (this.#isEnded || atMs <= this.#surroundings.clock.now()) return undefined;
    return new Promise((resolve) => {
      this.#waiting.push({ atMs, begin: resolve });
      this.#arm();
    });
  }

  /** Ends all waits, those to come among them. */
  end(): void {
    this.#isEnded = true;
    this.#cancel?.();
    for (const { begin } of this.#waiting) begin();
    this.#waiting = [];
  }

  #arm(): void {
    const [first] = this.#waiting;
    if (this.#isArmed || first === undefined) return;
    this.#isArmed = true;
    const { clock, nextTurn } = this.#surroundings;
    const leftMs = first.atMs - clock.now();
    const tick = (): void => this.#tick();
    if (nextTurn === undefined) this.#cancel = clock.schedule(leftMs, tick, true);
    else if (leftMs <= timerSlackMs) nextTurn(tick);
    else this.#cancel = clock.schedule(leftMs - timerSlackMs, tick, true);
  }

  #tick(): void {
    this.#isArmed = false;
    if (this.#isEnded) return;
    const nowMs = this.#surroundings.clock.now();
    let due = 0;
    while (due < this.#waiting.length && (this.#waiting[due]?.atMs ?? 0) <= nowMs) due++;
    for (const { begin } of this.#waiting.splice(0, due)) begin();
    this.#arm();
  }
}
