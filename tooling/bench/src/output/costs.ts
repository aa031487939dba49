/** What requests and bytes cost, from what the runs used. */
import type { Comparison } from '../measuring/compare.ts';
import type { Run, Side, SideCost } from '../measuring/run.ts';
import { median } from '../measuring/statistics.ts';

/** Medians of the runs; `NaN` for what is not known. */
export interface Cost {
  readonly candidate: string;
  readonly side: Side;
  readonly processorSecondsPerGb: number;
  readonly processorSecondsPerMillion: number;
  readonly voluntaryPerThousand: number;
  readonly involuntaryPerThousand: number;
  /** System calls for each request; `undefined` when they were not counted. */
  readonly calls: number | undefined;
  readonly collectionsPerMillion: number;
  readonly heapBytesPerRequest: number;
  /** From 0 to 1. */
  readonly busyShare: number;
  readonly peakBytes: number;
}

/** The costs of each candidate of a cell on each side that was watched. */
export function costsOf({ runs, calls }: Comparison): readonly Cost[] {
  return Object.entries(runs).flatMap(([candidate, all]) =>
    (['client', 'server'] as const).flatMap((side) => {
      const costs = all.flatMap((run: Run) => run[side] ?? []);
      return costs.length === 0 ? [] : [costOf(candidate, side, costs, calls[candidate]?.[side])];
    }),
  );
}

function costOf(candidate: string, side: Side, costs: readonly SideCost[], calls: number | undefined): Cost {
  const of = (value: (cost: SideCost) => number): number => median(costs.map(value));
  const per = (amount: (cost: SideCost) => number | undefined, requests: number): number =>
    of((cost) => ((amount(cost) ?? Number.NaN) / (cost.requests ?? Number.NaN)) * requests);
  return {
    candidate,
    side,
    processorSecondsPerGb: of(({ used, bytes }) => used.processorSeconds / ((bytes ?? Number.NaN) / 1e9)),
    processorSecondsPerMillion: per(({ used }) => used.processorSeconds, 1e6),
    voluntaryPerThousand: per(({ used }) => used.voluntarySwitches, 1000),
    involuntaryPerThousand: per(({ used }) => used.involuntarySwitches, 1000),
    calls,
    collectionsPerMillion: per(({ node }) => node?.collections, 1e6),
    heapBytesPerRequest: per(({ node }) => node?.heapBytesAllocated, 1),
    busyShare: of(({ node }) => node?.busyShare ?? Number.NaN),
    peakBytes: of(({ used }) => used.peakBytes),
  };
}
