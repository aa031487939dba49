/**
 * A client with one request in flight at a time waits for the server to be woken, each time anew, and that takes longer than the
 * request itself. So a server whose clients come back quickly stays awake for a moment and polls; one whose clients take
 * their time goes to sleep at once. (QEMU's event loop does the same.)
 */
import type { Clock, Defer } from '@nbdjs/interfaces';

/** The end of polling where a clock says that no time passes. */
const turnsMax = 10_000;

export class BusyPoll {
  readonly #clock: Clock;
  readonly #nextTurn: Defer;
  readonly #windowMs: number;
  readonly #task = (): void => this.#poll();
  #isWorthIt = false;
  #isPolling = false;
  #quietSince = Number.NEGATIVE_INFINITY;
  #turns = 0;

  /** `windowMs`: how long to poll, in milliseconds; 0 for never. */
  constructor(clock: Clock, nextTurn: Defer, windowMs: number) {
    this.#clock = clock;
    this.#nextTurn = nextTurn;
    this.#windowMs = windowMs;
  }

  /** Bytes have arrived. Polling is worth it if they came within the window. */
  heard(): void {
    if (this.#windowMs > 0) this.#isWorthIt = this.#clock.now() - this.#quietSince <= this.#windowMs;
  }

  /** All that has arrived was worked on. */
  quiet(): void {
    if (this.#windowMs === 0) return;
    this.#quietSince = this.#clock.now();
    this.#turns = 0;
    if (!this.#isWorthIt || this.#isPolling) return;
    this.#isPolling = true;
    this.#nextTurn(this.#task);
  }

  #poll(): void {
    this.#turns++;
    this.#isPolling = this.#turns < turnsMax && this.#clock.now() - this.#quietSince < this.#windowMs;
    if (this.#isPolling) this.#nextTurn(this.#task);
  }
}
