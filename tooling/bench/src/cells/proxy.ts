/** `nbd proxy` between a client and a server, beside a client that is connected to that server itself. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

/** What the proxy does beside passing messages on. */
export type Proxying = 'passing' | 'recording';

const loads = [
  ['read', 4096, 16],
  ['write', 4096, 16],
  ['read', 4096, 1],
  ['read', 262_144, 16],
  ['write', 262_144, 16],
] as const;

function cellsOf(proxying: Proxying): readonly Cell[] {
  return loads.map(([operation, blockBytes, depth]) => ({
    id: `proxy/${proxying}/${operation}/${sizeText(blockBytes)}/${depth}`,
    path: `through a proxy, ${proxying}`,
    operation,
    blockBytes,
    depth,
    ours: `nbd proxy, ${proxying}`,
    peers: ['direct'],
    aims: [
      ...aimsOf('requestsPerSecond', { direct: undefined }),
      // Of the proxy beside the server that is reached without it.
      ...aimsOf('processorSecondsPerGb', { direct: undefined }),
    ],
  }));
}

const cells = [...cellsOf('passing'), ...cellsOf('recording')];

export const proxying: Part = {
  name: 'proxy',
  title: 'nbd proxy before nbdkit, driven by libnbd (fio), beside nbdkit alone',
  cells,
  // The load, the proxy and the server are three programs, which no two processors can keep apart.
  isPinned: false,
};
