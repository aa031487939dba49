/** Lets new clients in a few a turn, so that clients which are being served have their turn in between. */
import type { Defer } from '@nbdjs/interfaces';

/** Clients that are let in in one turn of the event loop. A new one costs as much as several requests. */
const arrivalsPerTurn = 16;

export class ArrivalQueue {
  readonly #nextTurn: Defer;
  readonly #task = (): void => this.#letNextIn();
  /** Clients that were let in in this turn. */
  #arrivals = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(nextTurn: Defer) {
    this.#nextTurn = nextTurn;
  }

  /** Settles when it is this client's turn, in the order of the calls. */
  async turn(): Promise<void> {
    if (this.#arrivals === 0) this.#nextTurn(this.#task);
    this.#arrivals++;
    if (this.#arrivals > arrivalsPerTurn) await new Promise<void>((start) => this.#waiting.push(start));
  }

  #letNextIn(): void {
    this.#arrivals = 0;
    const next = this.#waiting.splice(0, arrivalsPerTurn);
    if (next.length === 0) return;
    this.#arrivals = next.length;
    this.#nextTurn(this.#task);
    for (const start of next) start();
  }
}
