/** How long `nbd info` takes, beside Node that does nothing, and nbdinfo. */
import { aimsOf, type Cell } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const cell: Cell = {
  id: 'start/info',
  path: 'start',
  operation: 'nbd info',
  ours: 'nbd info',
  peers: ['node -e 0', 'nbdinfo'],
  aims: aimsOf('seconds', { 'node -e 0': 1.6, nbdinfo: undefined }),
};

export const start: Part = {
  name: 'start',
  title: 'the start of the command line: nbd info',
  cells: [cell],
  isPinned: true,
};
