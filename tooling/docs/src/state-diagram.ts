/** Draws a table of states. */

/** Where a state leads to: states alone, states by the event that leads there, or pairs of both. */
export type NextStates<State extends string> =
  | readonly State[]
  | readonly { readonly to: State; readonly on: string }[]
  | Readonly<Partial<Record<State, string>>>;

export interface StateTable<State extends string> {
  readonly initial: NoInfer<State>;
  readonly states: Readonly<Record<State, { readonly next: NextStates<State> }>>;
}

/** Writes a table of states as a mermaid diagram. States without a way out are final. */
export function stateDiagram<State extends string>({ initial, states }: StateTable<State>): string {
  const names = Object.keys(states);
  const aliases = names.filter((name) => nodeOf(name) !== name).map((name) => `  state "${name}" as ${nodeOf(name)}`);
  const lines = names.flatMap((name) => {
    const ways = waysOf(states[name as State].next);
    if (ways.length === 0) return [`  ${nodeOf(name)} --> [*]`];
    return ways.map(([to, on]) => `  ${nodeOf(name)} --> ${nodeOf(to)}${on === '' ? '' : ` : ${on}`}`);
  });
  return ['```mermaid', 'stateDiagram-v2', ...aliases, `  [*] --> ${nodeOf(initial)}`, ...lines, '```'].join('\n');
}

/** Pairs of a state and the event that leads there. */
function waysOf(next: NextStates<string>): readonly (readonly [string, string])[] {
  if (!Array.isArray(next)) return Object.entries(next as Readonly<Record<string, string>>);
  return next.map((way: string | { to: string; on: string }) =>
    typeof way === 'string' ? [way, ''] : [way.to, way.on],
  );
}

/** Mermaid's names have no hyphens. */
function nodeOf(state: string): string {
  return state.replaceAll('-', '_');
}
