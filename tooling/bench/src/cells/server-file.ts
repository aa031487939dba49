/** The server against others, a file behind it that is in the page cache or is not, driven by libnbd. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const loads = [
  ['read', 4096, 64],
  ['write', 4096, 64],
  ['read', 4096, 1],
  ['read', 262_144, 16],
  ['write', 262_144, 16],
] as const;

function cellsOf(temperature: 'warm' | 'cold', aim: number, chosen: readonly (typeof loads)[number][]): Cell[] {
  return chosen.map(([operation, blockBytes, depth]) => ({
    id: `server-file/${temperature}/${operation}/${sizeText(blockBytes)}/${depth}`,
    path: `server, ${temperature} file`,
    operation,
    blockBytes,
    depth,
    ours: 'nbdjs',
    peers: ['nbdkit', 'qemu-nbd'],
    // Against the best of them, which is to say: against each.
    aims: aimsOf('requestsPerSecond', { nbdkit: aim, 'qemu-nbd': aim }),
  }));
}

const cells = [...cellsOf('warm', 1.2, loads), ...cellsOf('cold', 1, [loads[0], loads[2], loads[3]])];

export const serverFile: Part = {
  name: 'server-file',
  title: 'server, a file behind it, driven by libnbd (fio)',
  cells,
  isPinned: true,
};
