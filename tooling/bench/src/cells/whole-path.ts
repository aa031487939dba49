/** Our client at our server, beside the least that can be done with as many bytes: the limit. */
import { aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

const loads = [
  [262_144, 16, 0.85],
  [4096, 64, undefined],
  [4096, 1, undefined],
] as const;

const cells = loads.map(([blockBytes, depth, aim]): Cell => {
  const bounds = {
    'bare Node': aim,
    'bare Node, large buffer': undefined,
    'bare C': undefined,
    'memory copy': undefined,
    'memory copy in Node': undefined,
  };
  return {
    id: `whole-path/read/${sizeText(blockBytes)}/${depth}`,
    path: 'client and server, memory',
    operation: 'read',
    blockBytes,
    depth,
    ours: 'nbdjs',
    peers: Object.keys(bounds),
    aims: aimsOf('bytesPerSecond', bounds),
  };
});

export const wholePath: Part = {
  name: 'whole-path',
  title: 'our client at our server, as a share of the limit: the same bytes without NBD',
  cells,
  isPinned: true,
};
