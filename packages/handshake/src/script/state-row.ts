/** The rows of a table of states. The tests compare every step with the table, and the diagrams in the README are made from it. */
export interface StateRow<State extends string, Turn extends string> {
  /** Who acts next; `none` in a final state. */
  readonly turn: Turn | 'none';
  /** The states that can follow, and by which event; staying in the state is always possible. */
  readonly next: Readonly<Partial<Record<State, string>>>;
}
