/** The rows of a table of states. The tests hold every step against the table, and the diagrams in the README are drawn from it. */
export interface StateRow<State extends string, Turn extends string> {
  /** Whose turn it is; `none` in a final state. */
  readonly turn: Turn | 'none';
  /** Where it can go from here, and by which event; staying is always possible. */
  readonly next: Readonly<Partial<Record<State, string>>>;
}
