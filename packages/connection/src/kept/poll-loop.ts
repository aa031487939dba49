/** The worker's loop while bytes arrive, shared by all kept connections of its thread. */

/** A connection that takes part in the loop. */
export interface PollMember {
  /**
   * Called once in each turn of the loop, after all bytes that arrived together. Returns whether to go on.
   *
   * @param isQuiet Nothing has arrived for any member since the last turn, so the thread is about to sleep.
   */
  poll(isQuiet: boolean): boolean;
}

/** Keeps the event loop turning while it has members. A member joins when it has received bytes. */
export class PollLoop {
  readonly #members = new Set<PollMember>();
  #isQuiet = true;
  readonly #turn = (): void => this.#pollMembers();

  join(member: PollMember): void {
    this.#isQuiet = false;
    if (this.#members.size === 0) setImmediate(this.#turn);
    this.#members.add(member);
  }

  #pollMembers(): void {
    const isQuiet = this.#isQuiet;
    this.#isQuiet = true;
    for (const member of this.#members) {
      if (!member.poll(isQuiet)) this.#members.delete(member);
    }
    if (this.#members.size > 0) setImmediate(this.#turn);
  }
}
