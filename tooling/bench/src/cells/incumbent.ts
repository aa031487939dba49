/** The client against the JavaScript client that is common today: what a gigabyte costs. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

export const name = '@vates/nbd-client';
export const version = '3.6.0';
const depth = 16;

const cells = [4096, 65_536, 2 ** 20].map(
  (blockBytes): Cell => ({
    id: `incumbent/read/${sizeText(blockBytes)}/${depth}`,
    path: 'client, TCP',
    operation: 'read',
    blockBytes,
    depth,
    ours: 'nbdjs',
    peers: [name],
    aims: aimsOf('processorSecondsPerGb', { [name]: 0.25 }),
  }),
);

export const incumbent: Part = {
  name: 'incumbent',
  title: `client, against ${name} ${version}, at nbdkit null`,
  cells,
  isPinned: true,
};
