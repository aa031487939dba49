/** Measuring one cell with all its candidates. */
import { hasStrace } from '../processes/system-calls.ts';
import type { Cell } from './cell.ts';
import { type Comparison, rowsOf, runInTurns } from './compare.ts';
import type { Candidate, Side } from './run.ts';

export interface MeasureOptions {
  readonly rounds: number;
  readonly isCountingCalls: boolean;
}

/** `candidateOf` gives a candidate, or the reason why it is not there. */
export async function measureCell(
  part: string,
  cell: Cell,
  candidateOf: (name: string) => Candidate | string | Promise<Candidate | string>,
  { rounds, isCountingCalls }: MeasureOptions,
): Promise<Comparison> {
  const candidates: Record<string, Candidate> = {};
  const skipped: Record<string, string> = {};
  for (const name of [cell.ours, ...cell.peers]) {
    const candidate = await candidateOf(name);
    if (typeof candidate === 'string') skipped[name] = candidate;
    else candidates[name] = candidate;
  }
  const runs = await runInTurns(candidates, rounds);
  const calls: Record<string, Partial<Record<Side, number>>> = {};
  if (isCountingCalls && hasStrace()) {
    for (const [name, candidate] of Object.entries(candidates)) calls[name] = await countCalls(candidate);
  }
  return { part, cell, rows: rowsOf(cell, runs), runs, calls, skipped };
}

async function countCalls(candidate: Candidate): Promise<Partial<Record<Side, number>>> {
  const counts: Partial<Record<Side, number>> = {};
  for (const side of ['client', 'server'] as const) {
    const count = await candidate.countCalls?.(side);
    if (count !== undefined && Number.isFinite(count)) counts[side] = count;
  }
  return counts;
}
