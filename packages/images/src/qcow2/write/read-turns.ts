/** Which reads are under way, so that what they may still look at is not given away. */

export class ReadTurns {
  /** Reads of the present turn, and of the one before. */
  #present = { count: 0, onEmpty: (): void => {} };
  #last: Promise<void> = Promise.resolve();

  /** A read begins; the answer has to be called when it has ended. */
  begin(): () => void {
    const turn = this.#present;
    turn.count++;
    return () => {
      turn.count--;
      if (turn.count === 0) turn.onEmpty();
    };
  }

  /** Waits until all reads that have begun before have ended. */
  passed(): Promise<void> {
    const turn = this.#present;
    this.#present = { count: 0, onEmpty: () => {} };
    const ended =
      turn.count === 0
        ? Promise.resolve()
        : new Promise<void>((resolve) => {
            turn.onEmpty = resolve;
          });
    const last = this.#last;
    this.#last = last.then(() => ended);
    return this.#last;
  }
}
