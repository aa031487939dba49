/** Comparisons as if they had been measured. */
import type { Cell } from '../../src/measuring/cell.ts';
import { type Comparison, rowsOf } from '../../src/measuring/compare.ts';
import type { Run } from '../../src/measuring/run.ts';

const used = {
  processorSeconds: 0.5,
  voluntarySwitches: 200,
  involuntarySwitches: 10,
  readsAndWrites: 300,
  peakBytes: 64 * 2 ** 20,
  residentBytes: 60 * 2 ** 20,
};

export const readCell: Cell = {
  id: 'client/read/4k/64',
  path: 'client',
  operation: 'read',
  blockBytes: 4096,
  depth: 64,
  ours: 'nbdjs',
  peers: ['libnbd'],
  aims: [{ figure: 'requestsPerSecond', peer: 'libnbd', bound: 2 }],
};

/** A run of 100000 requests of 4 KiB. */
export function runOf(requestsPerSecond: number): Run {
  const node = { collections: 5, collectionMs: 2, heapBytesAllocated: 8e7, busyShare: 0.75 };
  return {
    values: { requestsPerSecond, seconds: 1e6 / requestsPerSecond },
    client: { used, node, requests: 100_000, bytes: 409_600_000 },
  };
}

export function comparisonOf(
  ours: readonly number[],
  theirs: readonly number[],
  more: Partial<Omit<Comparison, 'rows' | 'runs'>> = {},
): Comparison {
  const cell = more.cell ?? readCell;
  const runs = { [cell.ours]: ours.map(runOf), [cell.peers[0] as string]: theirs.map(runOf) };
  return { part: 'client', cell, runs, calls: {}, skipped: {}, ...more, rows: rowsOf(cell, runs) };
}
