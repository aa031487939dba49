/** Copies in TLS to nowhere: ours against nbdcopy, from the same server, and nbdcopy from our server against nbdkit. */
import { aimsOf, type Cell } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const clientCells = (
  [
    ['kept', 4],
    ['kept', 1],
    ['inline', 4],
  ] as const
).map(
  ([delivery, connections]): Cell => ({
    id: `tls/${delivery}/${connections}`,
    path: `client, ${delivery} TLS`,
    operation: 'copy 2G to null',
    connections,
    ours: 'nbdjs',
    peers: ['nbdcopy'],
    aims: [...aimsOf('seconds', { nbdcopy: 1.1 }), ...aimsOf('processorSeconds', { nbdcopy: undefined })],
  }),
);

const serverCell: Cell = {
  id: 'tls/server/4',
  path: 'server, TLS',
  operation: 'copy 2G to null by nbdcopy',
  connections: 4,
  ours: 'nbdjs',
  peers: ['nbdkit'],
  aims: aimsOf('seconds', { nbdkit: 1.5 }),
};

export const tls: Part = {
  name: 'tls',
  title: 'TLS: copies to nowhere, against nbdcopy and nbdkit',
  cells: [...clientCells, serverCell],
  isPinned: false,
};
