/** The keeper's loop while bytes are on their way, for all connections of its thread. */

/** One that takes part. */
export interface PollMember {
  /**
   * Called once in each turn of the loop, when all is there that has come at once. `isQuiet`: nothing has come for anybody since the
   * last time, so the thread is about to go to sleep. Tells whether to go on.
   */
  round(isQuiet: boolean): boolean;
}

/** While there are members, the loop does not sleep; whoever joins has just received something. */
export class PollLoop {
  readonly #members = new Set<PollMember>();
  #isQuiet = true;
  readonly #turn = (): void => this.#takeTurn();

  join(member: PollMember): void {
    this.#isQuiet = false;
    if (this.#members.size === 0) setImmediate(this.#turn);
    this.#members.add(member);
  }

  #takeTurn(): void {
    const isQuiet = this.#isQuiet;
    this.#isQuiet = true;
    for (const member of this.#members) {
      if (!member.round(isQuiet)) this.#members.delete(member);
    }
    if (this.#members.size > 0) setImmediate(this.#turn);
  }
}
