/** Draws a table of states. */

/** Where a state leads to: states, each with the event that leads there, or without where a list will do. */
export type NextStates<State extends string> = readonly State[] | Readonly<Partial<Record<State, string>>>;

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
  if (Array.isArray(next)) return next.map((to) => [to, '']);
  return Object.entries(next as Readonly<Record<string, string>>);
}

/** Mermaid's names have no hyphens. */
function nodeOf(state: string): string {
  return state.replaceAll('-', '_');
}
