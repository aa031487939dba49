/** The memory that a server keeps for each connection that does nothing. */
import { aimsOf, type Cell } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const connections = 500;

const cell: Cell = {
  id: `idle/${connections}`,
  path: 'server, memory',
  operation: 'idle connections',
  connections,
  ours: 'nbdjs',
  peers: ['nbdkit', 'qemu-nbd'],
  aims: [
    { figure: 'bytesPerConnection', bound: 65_536 },
    ...aimsOf('bytesPerConnection', { nbdkit: undefined, 'qemu-nbd': undefined }),
  ],
};

export const idle: Part = {
  name: 'idle',
  title: 'memory of the server for each idle connection',
  cells: [cell],
  isPinned: false,
};
