/** The table of the reconnect policy as a drawing shows it. */
import { reconnectTable, type Transition } from './reconnect-policy.ts';
import type { EventType, StateName } from './reconnect-states.ts';

const names = Object.keys(reconnectTable) as StateName[];

/** Where each state leads to, with the events and conditions. What leaves the state as it is, is left out. */
export const reconnectStates = Object.fromEntries(names.map((name) => [name, { next: waysFrom(name) }])) as Readonly<
  Record<StateName, { readonly next: Readonly<Partial<Record<StateName, string>>> }>
>;

function waysFrom(name: StateName): Partial<Record<StateName, string>> {
  const ways: Partial<Record<StateName, string>> = {};
  for (const [event, cell] of Object.entries(reconnectTable[name]) as [EventType, readonly Transition[] | 'never'][]) {
    if (cell === 'never') continue;
    for (const transition of cell) {
      if (transition.to === name) continue;
      const words = label(event, transition);
      const others = ways[transition.to];
      ways[transition.to] = others === undefined ? words : `${others}, ${words}`;
    }
  }
  return ways;
}

function label(event: EventType, { when, rules }: Transition): string {
  const condition = when === undefined ? '' : ` [${when.replaceAll('`', '')}]`;
  const names = rules === undefined ? '' : ` (${rules.join(', ')})`;
  return `${event}${condition}${names}`;
}
