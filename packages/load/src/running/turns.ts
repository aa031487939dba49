/** Devices may answer at once, one call after the other. Other work on the thread has its turn from time to time. */
import type { LoadSurroundings } from '../surroundings.ts';

/** After this many milliseconds without a turn for others. */
const turnMs = 10;

export class Turns {
  readonly #surroundings: LoadSurroundings;
  #lastMs: number;
  #turn: Promise<void> | undefined;

  constructor(surroundings: LoadSurroundings) {
    this.#surroundings = surroundings;
    this.#lastMs = surroundings.clock.now();
  }

  /** Returns the turn that has to be waited for, if one is due. */
  due(nowMs: number): Promise<void> | undefined {
    const { clock, nextTurn } = this.#surroundings;
    if (nextTurn === undefined || nowMs - this.#lastMs < turnMs) return undefined;
    this.#turn ??= new Promise<void>((resolve) => {
      nextTurn(() => {
        this.#turn = undefined;
        this.#lastMs = clock.now();
        resolve();
      });
    });
    return this.#turn;
  }
}
