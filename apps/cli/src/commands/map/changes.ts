/** What differs between two looks at a block map. */
import type { ExtentCells } from '@nbdjs/kit';
import type { CellStatus } from '../../render/map-styles.ts';

/** How many bytes more (or, below 0, less) have a status than before. */
export interface CellChange {
  readonly status: CellStatus;
  readonly bytes: number;
}

/** Cells beside each other that have changed. */
export interface ChangedRun {
  /** The number of the first cell. */
  readonly first: number;
  /** How many cells. */
  readonly count: number;
  /** Where they begin, in bytes. */
  readonly offset: bigint;
  /** Their length, in bytes. */
  readonly length: bigint;
  readonly changes: readonly CellChange[];
}

/** Returns the parts that have changed, in order. A part whose bytes have only changed places within one cell is not noticed. */
export function changedRuns(before: ExtentCells, now: ExtentCells): readonly ChangedRun[] {
  const statuses = statusesOf(before, now);
  const differs = (cell: number): boolean =>
    statuses.some((status) => before.bytesOf(cell, status) !== now.bytesOf(cell, status));
  const runs: ChangedRun[] = [];
  for (let first = 0; first < now.count; first++) {
    if (!differs(first)) continue;
    let end = first + 1;
    while (end < now.count && differs(end)) end++;
    const last = now.rangeOf(end - 1);
    const { offset } = now.rangeOf(first);
    const changes = changesOf(statuses, (status) => sum(before, now, status, first, end));
    runs.push({ first, count: end - first, offset, length: last.offset + last.length - offset, changes });
    first = end;
  }
  return runs;
}

/** Returns what has changed in all. */
export function totalChanges(before: ExtentCells | undefined, now: ExtentCells): readonly CellChange[] {
  if (before === undefined) return [];
  return changesOf(statusesOf(before, now), (status) => Number(totalOf(now, status) - totalOf(before, status)));
}

function totalOf(cells: ExtentCells, status: CellStatus): bigint {
  return cells.totals.find((total) => total.status === status)?.bytes ?? 0n;
}

function statusesOf(before: ExtentCells, now: ExtentCells): readonly CellStatus[] {
  const known = new Set([...before.totals, ...now.totals].map(({ status }) => status));
  return [...known].sort((one, other) => (other === undefined || (one !== undefined && one < other) ? -1 : 1));
}

function sum(before: ExtentCells, now: ExtentCells, status: CellStatus, first: number, end: number): number {
  let bytes = 0;
  for (let cell = first; cell < end; cell++) bytes += now.bytesOf(cell, status) - before.bytesOf(cell, status);
  return bytes;
}

function changesOf(statuses: readonly CellStatus[], bytesOf: (status: CellStatus) => number): readonly CellChange[] {
  return statuses.map((status) => ({ status, bytes: bytesOf(status) })).filter(({ bytes }) => bytes !== 0);
}
