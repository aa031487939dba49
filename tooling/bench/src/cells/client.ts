/** The client against libnbd, which fio drives, at a server that does nothing. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const loads = [
  ['read', 4096, 64, 2],
  ['write', 4096, 64, 2.3],
  ['read', 4096, 16, 1.9],
  ['write', 4096, 16, 1.9],
  ['read', 4096, 4, 1],
  ['write', 4096, 4, 1],
  ['read', 4096, 1, 1],
  ['write', 4096, 1, 1],
  ['read', 262_144, 16, 1.15],
  ['write', 262_144, 16, 1.3],
] as const;

const cells = loads.map(
  ([operation, blockBytes, depth, aim]): Cell => ({
    id: `client/${operation}/${sizeText(blockBytes)}/${depth}`,
    path: 'client',
    operation,
    blockBytes,
    depth,
    ours: 'nbdjs',
    peers: ['libnbd'],
    aims: aimsOf('requestsPerSecond', { libnbd: aim }),
  }),
);

export const client: Part = {
  name: 'client',
  title: 'client, against libnbd (fio), at nbdkit null',
  cells,
  isPinned: true,
};
