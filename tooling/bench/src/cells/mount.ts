/** `nbd mount` beside nbdfuse, both on one server, driven by fio on the mounted file. */
import { type Aim, aimsOf, type Cell, sizeText } from '../measuring/cell.ts';
import type { Part } from './part.ts';

export interface MountLoad {
  readonly command: 'read' | 'write';
  readonly order: 'random' | 'sequential';
  readonly blockBytes: number;
  /** Programs that read or write at a time, each one request after the other. */
  readonly jobs: number;
  /** Our requests in a second over those of nbdfuse, at least. */
  readonly aim?: number | undefined;
}

const loads: readonly MountLoad[] = [
  { command: 'read', order: 'random', blockBytes: 4096, jobs: 1 },
  { command: 'write', order: 'random', blockBytes: 4096, jobs: 1 },
  { command: 'read', order: 'random', blockBytes: 4096, jobs: 16, aim: 1 },
  { command: 'write', order: 'random', blockBytes: 4096, jobs: 16, aim: 1 },
  { command: 'read', order: 'sequential', blockBytes: 262_144, jobs: 1 },
  { command: 'write', order: 'sequential', blockBytes: 262_144, jobs: 1 },
];

/** The loads by the names of their cells. */
export const mountLoadOf: ReadonlyMap<string, MountLoad> = new Map(
  loads.map((load) => [`mount/${load.command}/${sizeText(load.blockBytes)}/${load.jobs}`, load] as const),
);

const cells = [...mountLoadOf].map(
  ([id, { command, order, blockBytes, jobs, aim }]): Cell => ({
    id,
    path: 'mounted file',
    operation: `${order} ${command}`,
    blockBytes,
    depth: jobs,
    ours: 'nbd mount',
    peers: ['nbdfuse'],
    aims: aims(aim),
  }),
);

function aims(aim: number | undefined): readonly Aim[] {
  return [
    ...aimsOf('requestsPerSecond', { nbdfuse: aim }),
    // Of the program that mounts.
    ...aimsOf('processorSecondsPerGb', { nbdfuse: undefined }),
  ];
}

export const mounting: Part = {
  name: 'mount',
  title: 'nbd mount against nbdfuse, driven by fio on the mounted file',
  cells,
  // The load, the mount and the server are three programs, which no two processors can keep apart.
  isPinned: false,
};
