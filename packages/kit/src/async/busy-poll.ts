/**
 * A peer that has to wake us waits for that, each time anew, and to be woken takes longer than a short request. So a side whose
 * peers come back quickly stays awake for a moment and polls; one whose peers take their time goes to sleep at once. (QEMU's event
 * loop does the same.)
 */
import type { Clock, Defer } from '@nbdjs/interfaces';

/** The end of polling where a clock says that no time passes. */
const turnsMax = 10_000;

/** Keeps the event loop turning for a moment after the last work, while peers come back that quickly. */
export class BusyPoll {
  readonly #clock: Clock;
  readonly #nextTurn: Defer | undefined;
  readonly #windowMs: number;
  readonly #task = (): void => this.#poll();
  #isWorthIt = false;
  #isPolling = false;
  /** The window begins with the next turn: the time is read only when there is nothing else to do. */
  #isRenewed = false;
  #quietSince = Number.NEGATIVE_INFINITY;
  #turns = 0;

  /**
   * @param clock the time that the window is counted in
   * @param nextTurn the event loop's next turn, behind input that is there already (`setImmediate`); without it, nothing is polled
   * @param windowMs how long to poll, in milliseconds; 0 for never
   */
  constructor(clock: Clock, nextTurn: Defer | undefined, windowMs: number) {
    this.#clock = clock;
    this.#nextTurn = nextTurn;
    this.#windowMs = nextTurn === undefined ? 0 : windowMs;
  }

  /** Bytes have arrived. Polling is worth it if they came within the window. */
  heard(): void {
    if (this.#windowMs === 0 || this.#isPolling) return;
    this.#isWorthIt = this.#clock.now() - this.#quietSince <= this.#windowMs;
  }

  /** All that has arrived was worked on, and the peer will come back. */
  quiet(): void {
    if (this.#windowMs === 0) return;
    if (!this.#isWorthIt) {
      this.#quietSince = this.#clock.now();
      return;
    }
    this.#isRenewed = true;
    if (this.#isPolling) return;
    this.#isPolling = true;
    this.#nextTurn?.(this.#task);
  }

  #poll(): void {
    const nowMs = this.#clock.now();
    if (this.#isRenewed) {
      this.#isRenewed = false;
      this.#quietSince = nowMs;
      this.#turns = 0;
    }
    this.#turns++;
    this.#isPolling = this.#turns < turnsMax && nowMs - this.#quietSince < this.#windowMs;
    if (this.#isPolling) this.#nextTurn?.(this.#task);
  }
}
