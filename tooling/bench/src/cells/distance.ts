/** A server that is 50 ms away, compared with one on the same machine. */
import { aimsOf, type Cell } from '../measuring/cell.ts';
import type { Part } from './part.ts';

export const roundTripMs = 50;

const common = {
  path: `server ${roundTripMs} ms away`,
  connections: 1,
  ours: 'far',
  peers: ['near'],
  aims: [{ figure: 'bytesPerSecond', bound: 400e6 }, ...aimsOf('bytesPerSecond', { near: 0.95 })],
} as const;

const copyCell: Cell = { ...common, id: 'distance/copy', operation: 'copy 4G to null' };
const streamCell: Cell = { ...common, id: 'distance/stream', operation: 'stream 4G' };
const readCell: Cell = { ...common, id: 'distance/read/1M/64', operation: 'read', blockBytes: 2 ** 20, depth: 64 };

export const distance: Part = {
  name: 'distance',
  title: `a server ${roundTripMs} ms away`,
  cells: [copyCell, readCell, streamCell],
  isPinned: false,
};
