/** The same load on several devices, in turns: what changes on the machine meanwhile changes all of them. */
import type { LoadReport } from '../measuring/report.ts';
import { medianOf } from './median.ts';

/** Something that a load can be run on. */
export interface LoadCandidate {
  /** What it is called in the result. */
  readonly name: string;
  /** Runs the load once. */
  run(): Promise<LoadReport>;
}

/** How to compare. */
export interface CompareLoadsOptions {
  /** How often each has its turn. */
  readonly rounds: number;
  /** Nothing new is run when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Called before each turn; `round` counts from 1 on. */
  readonly onTurn?: ((candidate: LoadCandidate, round: number) => void) | undefined;
}

/** What one of them has over another. */
export interface LoadRatio {
  /** The middle of the rounds. */
  readonly median: number;
  /** Of the rounds. */
  readonly least: number;
  /** Of the rounds. */
  readonly most: number;
}

/** The turns of one candidate. */
export interface CandidateResult {
  /** As it was given. */
  readonly name: string;
  /** One for each round. */
  readonly reports: readonly LoadReport[];
  /** The median of the rounds. */
  readonly requestsPerSecond: number;
  /** The median of the rounds. */
  readonly bytesPerSecond: number;
  /** The median of the rounds' percentiles 50, in microseconds; `undefined` when nothing was answered. */
  readonly p50Us: number | undefined;
  /** The same of the percentiles 99. */
  readonly p99Us: number | undefined;
  /** Its requests per second by those of the first one in the same round. `undefined` for the first one. */
  readonly ratio: LoadRatio | undefined;
}

/**
 * Runs the load on each of them, again and again. Ends early when a turn was stopped, cannot go on or has found a wrong content; its report is
 * then the last one.
 */
export async function compareLoads(
  candidates: readonly LoadCandidate[],
  { rounds, signal, onTurn }: CompareLoadsOptions,
): Promise<CandidateResult[]> {
  const reports = candidates.map((): LoadReport[] => []);
  turns: for (let round = 1; round <= rounds; round++) {
    for (const [index, candidate] of candidates.entries()) {
      if (signal?.aborted === true) break turns;
      onTurn?.(candidate, round);
      const report = await candidate.run();
      reports[index]?.push(report);
      if (report.end === 'stopped' || report.end === 'error' || report.end === 'mismatch') break turns;
    }
  }
  return candidates.map(({ name }, index) =>
    resultOf(name, reports[index] ?? [], index === 0 ? undefined : reports[0]),
  );
}

function resultOf(
  name: string,
  reports: readonly LoadReport[],
  first: readonly LoadReport[] | undefined,
): CandidateResult {
  const percentile = (percent: string): number | undefined =>
    medianOf(reports.flatMap(({ total }) => total.latency?.percentilesUs[percent] ?? []));
  return {
    name,
    reports,
    requestsPerSecond: medianOf(reports.map(({ total }) => total.requestsPerSecond)) ?? 0,
    bytesPerSecond: medianOf(reports.map(({ total }) => total.bytesPerSecond)) ?? 0,
    p50Us: percentile('50'),
    p99Us: percentile('99'),
    ratio: first && ratioOf(reports, first),
  };
}

function ratioOf(reports: readonly LoadReport[], first: readonly LoadReport[]): LoadRatio | undefined {
  const ratios = reports.flatMap(({ total }, round) => {
    const base = first[round]?.total.requestsPerSecond ?? 0;
    return base > 0 ? [total.requestsPerSecond / base] : [];
  });
  const median = medianOf(ratios);
  return median === undefined ? undefined : { median, least: Math.min(...ratios), most: Math.max(...ratios) };
}
