/**
 * Whoever has one request in flight at a time waits for the server to be woken, each time anew, and that takes longer than the
 * request itself. So a server whose clients come back quickly stays awake for a moment and looks; one whose clients take
 * their time goes to sleep at once. (QEMU's event loop does the same.)
 */
import type { Clock, Defer } from '@nbdjs/interfaces';

/** However often a clock says that no time has passed. */
const turnsMax = 10_000;

export class BusyPoll {
  readonly #clock: Clock;
  readonly #nextTurn: Defer;
  readonly #windowMs: number;
  readonly #task = (): void => this.#look();
  #isWorthIt = false;
  #isLooking = false;
  #quietSince = Number.NEGATIVE_INFINITY;
  #turns = 0;

  /** `windowMs`: how long to look; nothing is ever looked for with 0. */
  constructor(clock: Clock, nextTurn: Defer, windowMs: number) {
    this.#clock = clock;
    this.#nextTurn = nextTurn;
    this.#windowMs = windowMs;
  }

  /** Something has come in: it would have been found by looking, or it would not. */
  heard(): void {
    if (this.#windowMs > 0) this.#isWorthIt = this.#clock.now() - this.#quietSince <= this.#windowMs;
  }

  /** All that could be done has been done. */
  quiet(): void {
    if (this.#windowMs === 0) return;
    this.#quietSince = this.#clock.now();
    this.#turns = 0;
    if (!this.#isWorthIt || this.#isLooking) return;
    this.#isLooking = true;
    this.#nextTurn(this.#task);
  }

  #look(): void {
    this.#turns++;
    this.#isLooking = this.#turns < turnsMax && this.#clock.now() - this.#quietSince < this.#windowMs;
    if (this.#isLooking) this.#nextTurn(this.#task);
  }
}
