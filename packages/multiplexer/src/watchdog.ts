/**
 * The timer behind all time limits of requests and connections. There is one for everything, which runs while something is
 * under way and rings when the first limit may be reached: requests cost no timer each.
 */
import type { Cancel, Clock } from '@nbdjs/interfaces';
import type { MultiplexerSettings } from './settings.ts';

/** Looks after limits of one kind. */
export interface LimitCheck {
  /** Does what is due, and returns when the next thing will be, in milliseconds of the clock; Infinity for never. */
  check(now: number): number;
}

export class Watchdog {
  readonly #clock: Clock;
  readonly #checks: readonly LimitCheck[];
  /** No limit is reached earlier than this after what it is counted from; Infinity when there is none. */
  readonly #leastMs: number;
  #cancel: Cancel | undefined;

  constructor(settings: MultiplexerSettings, checks: readonly LimitCheck[]) {
    const { clock, requestTimeoutMs, silenceMs, keepAliveMs } = settings;
    this.#clock = clock;
    this.#checks = checks;
    this.#leastMs = Math.min(...[requestTimeoutMs, silenceMs, keepAliveMs].filter((limitMs) => limitMs > 0));
  }

  /** Whether there is any limit. */
  get isNeeded(): boolean {
    return Number.isFinite(this.#leastMs);
  }

  /** Something is under way from now on. Returns when that is, in whole milliseconds of the clock. */
  begin(): number {
    this.#schedule(this.#leastMs);
    return Math.floor(this.#clock.now());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #check(): void {
    this.#cancel = undefined;
    const now = this.#clock.now();
    const nextMs = Math.min(...this.#checks.map((one) => one.check(now)));
    // What is issued later may have an earlier end, but not earlier than that.
    if (Number.isFinite(nextMs)) this.#schedule(Math.min(Math.max(nextMs - now, 1), this.#leastMs));
  }

  #schedule(delayMs: number): void {
    this.#cancel ??= this.#clock.schedule(delayMs, () => this.#check());
  }
}
