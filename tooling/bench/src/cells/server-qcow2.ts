/** The server against qemu-nbd, a qcow2 image behind it, driven by libnbd; and how long it takes to look into a large image. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const reads = [
  [4096, 64, 1.5],
  [4096, 1, undefined],
  [262_144, 16, 1],
] as const;

const cells: readonly Cell[] = [
  ...reads.map(([blockBytes, depth, aim]) => ({
    id: `server-qcow2/read/${sizeText(blockBytes)}/${depth}`,
    path: 'server, qcow2',
    operation: 'read',
    blockBytes,
    depth,
    ours: 'nbdjs',
    peers: ['qemu-nbd'],
    aims: aimsOf('requestsPerSecond', { 'qemu-nbd': aim }),
  })),
  {
    id: 'server-qcow2/info/1T',
    path: 'cold image',
    operation: 'size of a 1 TiB qcow2',
    ours: 'nbd info',
    peers: ['node -e 0', 'qemu-img info'],
    aims: aimsOf('seconds', { 'node -e 0': undefined, 'qemu-img info': undefined }),
  },
];

export const serverQcow2: Part = {
  name: 'server-qcow2',
  title: 'server, a qcow2 image behind it, driven by libnbd (fio)',
  cells,
  isPinned: true,
};
