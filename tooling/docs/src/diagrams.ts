/**
 * The tables of states that draw themselves, and the pages that they are drawn into: between the lines `<!-- states: NAME -->` and
 * `<!-- /states: NAME -->`.
 */
import { handshakeStates, serverHandshakeStates } from '@nbdjs/handshake';
import { reconnectStates } from '../../../packages/multiplexer/src/connections/reconnect-diagram.ts';
import { phases } from '../../../packages/server/src/transmission/phase.ts';
import { stateDiagram } from './state-diagram.ts';

export interface Diagram {
  readonly name: string;
  /** The page, from the root. */
  readonly file: string;
  readonly diagram: () => string;
}

export const diagrams: readonly Diagram[] = [
  {
    name: 'client handshake',
    file: 'packages/handshake/README.md',
    diagram: () => stateDiagram({ initial: 'greeting', states: handshakeStates }),
  },
  {
    name: 'server handshake',
    file: 'packages/handshake/README.md',
    diagram: () => stateDiagram({ initial: 'greeting', states: serverHandshakeStates }),
  },
  {
    name: 'reconnecting',
    file: 'packages/multiplexer/README.md',
    diagram: () => stateDiagram({ initial: 'unopened', states: reconnectStates }),
  },
  {
    name: 'transmission',
    file: 'packages/server/README.md',
    diagram: () => stateDiagram({ initial: 'open', states: phases }),
  },
];

/**
 * Puts a diagram into a page.
 *
 * @throws Error when the page has no place for it
 */
export function withDiagram(page: string, { name, file, diagram }: Diagram): string {
  const [begin, end] = [`<!-- states: ${name} -->`, `<!-- /states: ${name} -->`];
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file}: expected the lines '${begin}' and '${end}'`);
  return `${page.slice(0, from)}${begin}\n${diagram()}\n${page.slice(to)}`;
}
