/** `nbd copy` against nbdcopy, between qemu-nbd and files. */
import { aimsOf, type Cell } from '../measuring/cell.ts';
import type { Part } from './part.ts';

export type Image = 'random' | 'sparse' | 'extents';
export type End = 'NBD' | 'TCP' | 'file' | 'null';

export interface Copy {
  readonly image: Image;
  readonly from: End;
  readonly to: End;
  /** Our seconds over those of nbdcopy, at most. */
  readonly seconds: number;
}

const what: Readonly<Record<Image, string>> = {
  random: '4 GiB random',
  sparse: '64 GiB with 1 GiB of data',
  extents: '1 GiB in 131072 extents',
};

const copies: readonly Copy[] = [
  { image: 'random', from: 'NBD', to: 'null', seconds: 0.9 },
  { image: 'random', from: 'NBD', to: 'NBD', seconds: 0.9 },
  { image: 'random', from: 'NBD', to: 'file', seconds: 0.9 },
  { image: 'random', from: 'file', to: 'NBD', seconds: 0.9 },
  { image: 'sparse', from: 'NBD', to: 'NBD', seconds: 0.9 },
  { image: 'extents', from: 'NBD', to: 'NBD', seconds: 0.9 },
  { image: 'random', from: 'TCP', to: 'null', seconds: 1 },
  { image: 'random', from: 'TCP', to: 'TCP', seconds: 1 },
];

/** The copies by the names of their cells. */
export const copyOf: ReadonlyMap<string, Copy> = new Map(
  copies.map((copy) => [`copies/${copy.image}/${copy.from}-${copy.to}`, copy] as const),
);

const cells = [...copyOf].map(
  ([id, { image, from, to, seconds }]): Cell => ({
    id,
    path: `copy from ${from} to ${to}`,
    operation: what[image],
    ours: 'nbd copy',
    peers: ['nbdcopy'],
    aims: [...aimsOf('seconds', { nbdcopy: seconds }), ...aimsOf('processorSeconds', { nbdcopy: 1.2 })],
  }),
);

export const copying: Part = {
  name: 'copies',
  title: 'nbd copy against nbdcopy, between qemu-nbd and files',
  cells,
  isPinned: false,
};
