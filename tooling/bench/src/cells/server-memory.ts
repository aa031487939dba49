/** The server against others, memory behind it, driven by libnbd. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const loads = [
  ['read', 4096, 64, { nbdkit: 1.8, 'qemu-nbd': 3 }],
  ['write', 4096, 64, { nbdkit: 2.2, 'qemu-nbd': 3 }],
  ['read', 4096, 1, { nbdkit: 1.3, 'qemu-nbd': undefined }],
  ['read', 262_144, 16, { nbdkit: 1.4, 'qemu-nbd': undefined }],
  ['write', 262_144, 16, { nbdkit: 1.2, 'qemu-nbd': undefined }],
] as const;

const cells = loads.map(
  ([operation, blockBytes, depth, bounds]): Cell => ({
    id: `server-memory/${operation}/${sizeText(blockBytes)}/${depth}`,
    path: 'server, memory',
    operation,
    blockBytes,
    depth,
    ours: 'nbdjs',
    peers: Object.keys(bounds),
    aims: aimsOf('requestsPerSecond', bounds),
  }),
);

export const serverMemory: Part = {
  name: 'server-memory',
  title: 'server, memory behind it, driven by libnbd (fio)',
  cells,
  isPinned: true,
};
