/** The cost of being able to reconnect, while no connection is lost: the same requests with and without it. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const loads = [
  ['read', 4096, 64],
  ['write', 4096, 64],
  ['read', 4096, 1],
  ['write', 262_144, 16],
] as const;

const kinds = [
  ['no journal', 0.97],
  ['with journal', undefined],
  // Only writes lend memory.
  ['with journal, lent memory', 0.9],
] as const;

const cells = loads.flatMap(([operation, blockBytes, depth]) =>
  kinds
    .filter(([ours]) => operation === 'write' || !ours.endsWith('lent memory'))
    .map(
      ([ours, aim]): Cell => ({
        id: `reconnect/${ours.replaceAll(/,? /g, '-')}/${operation}/${sizeText(blockBytes)}/${depth}`,
        path: `reconnecting, ${ours}`,
        operation,
        blockBytes,
        depth,
        ours,
        peers: ['no reconnecting'],
        aims: aimsOf('requestsPerSecond', { 'no reconnecting': aim }),
      }),
    ),
);

export const reconnect: Part = {
  name: 'reconnect',
  title: 'the cost of being able to reconnect, at nbdkit null',
  cells,
  isPinned: true,
};
