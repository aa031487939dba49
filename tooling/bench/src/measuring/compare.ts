/** Measuring a cell: all candidates in turns, and what follows from it. */
import { type Aim, type Cell, type Figure, figures } from './cell.ts';
import type { Candidate, Run, Side } from './run.ts';
import { isDisturbed, pairwiseRatios, type Spread, spread } from './statistics.ts';

export type Verdict = 'met' | 'missed' | 'disturbed' | 'too few rounds' | 'no aim';

/** One figure of ours, alone or beside one peer. */
export interface Row {
  readonly figure: Figure;
  readonly ours: Spread;
  readonly peer?: string | undefined;
  readonly theirs?: Spread | undefined;
  /** Ours over theirs, from the pairs of all rounds. */
  readonly ratio?: Spread | undefined;
  readonly bound?: number | undefined;
  readonly verdict: Verdict;
}

export interface Comparison {
  readonly part: string;
  readonly cell: Cell;
  readonly rows: readonly Row[];
  /** All runs of each candidate, in their order. */
  readonly runs: Readonly<Record<string, readonly Run[]>>;
  /** System calls for each request; without what could not be counted. */
  readonly calls: Readonly<Record<string, Readonly<Partial<Record<Side, number>>>>>;
  /** Candidates that are not there, with the reason. */
  readonly skipped: Readonly<Record<string, string>>;
}

/**
 * Runs the candidates in turns, the order turned round in each round: what comes first in one round comes last in the next, so that
 * neither always follows the other.
 */
export async function runInTurns(
  candidates: Readonly<Record<string, Candidate>>,
  rounds: number,
): Promise<Record<string, Run[]>> {
  const runs: Record<string, Run[]> = Object.fromEntries(Object.keys(candidates).map((name) => [name, []]));
  const order = Object.entries(candidates);
  for (let round = 0; round < rounds; round++) {
    for (const [name, candidate] of round % 2 === 0 ? order : order.toReversed()) {
      runs[name]?.push(await candidate.measure());
    }
  }
  return runs;
}

/** The rows of a cell. Aims whose candidates were not measured have none. */
export function rowsOf(cell: Cell, runs: Readonly<Record<string, readonly Run[]>>): readonly Row[] {
  return cell.aims.flatMap((aim) => {
    const ours = valuesOf(runs[cell.ours], aim.figure);
    if (ours.length === 0) return [];
    if (aim.peer === undefined) {
      const { figure, bound } = aim;
      return [{ figure, ours: spread(ours), bound, verdict: verdictOf(aim, [ours], spread(ours).median) }];
    }
    const theirs = valuesOf(runs[aim.peer], aim.figure);
    return theirs.length === 0 ? [] : [rowBeside(aim, ours, theirs)];
  });
}

function rowBeside(aim: Aim, ours: readonly number[], theirs: readonly number[]): Row {
  const ratio = spread(pairwiseRatios(ours, theirs));
  return {
    ...aim,
    ours: spread(ours),
    theirs: spread(theirs),
    ratio,
    verdict: verdictOf(aim, [ours, theirs], ratio.median),
  };
}

function valuesOf(runs: readonly Run[] | undefined, figure: Figure): readonly number[] {
  return (runs ?? []).flatMap(({ values }) => values[figure] ?? []);
}

function verdictOf({ figure, bound }: Aim, series: readonly (readonly number[])[], value: number): Verdict {
  if (bound === undefined) return 'no aim';
  if (series.some((values) => values.length < 2)) return 'too few rounds';
  if (series.some((values) => isDisturbed(values))) return 'disturbed';
  return (figures[figure].isMoreBetter ? value >= bound : value <= bound) ? 'met' : 'missed';
}
