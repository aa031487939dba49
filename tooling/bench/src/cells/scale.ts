/** The server with few and many connections, requests in flight, and bytes behind it, driven by our client. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const gibi = 2 ** 30;

const sizes = [
  ...[1, 10, 100, 1000].map((connections) => ({ connections, depth: 1, deviceBytes: gibi })),
  ...[4, 16, 64, 256].map((depth) => ({ connections: 1, depth, deviceBytes: gibi })),
  ...[2 ** 20, 2 ** 40].map((deviceBytes) => ({ connections: 1, depth: 64, deviceBytes })),
];

const cells = sizes.map(
  (size): Cell => ({
    id: `scale/${size.connections}/${size.depth}/${sizeText(size.deviceBytes)}`,
    path: 'server, empty memory',
    operation: 'read',
    blockBytes: 4096,
    ...size,
    ours: 'nbdjs',
    peers: ['nbdkit'],
    aims: aimsOf('requestsPerSecond', { nbdkit: undefined }),
  }),
);

export const scale: Part = {
  name: 'scale',
  title: 'connections, requests in flight, sizes of devices (memory that was never written)',
  cells: cells,
  isPinned: true,
};
