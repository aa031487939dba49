/** Everything that a run of the command gave: what `--json` writes. */
import type { Comparison } from '../measuring/compare.ts';

/** Where and with what it was measured. */
export interface Machine {
  readonly date: string;
  readonly processors: string;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** Versions of the other programs; `missing` for those that are not there. */
  readonly programs: Readonly<Record<string, string>>;
}

export interface Report {
  readonly machine: Machine;
  readonly settings: {
    readonly rounds: number;
    readonly seconds: number;
    /** For people. */
    readonly pinning: string;
  };
  readonly comparisons: readonly Comparison[];
  /** Parts that could not be measured, with the error. */
  readonly failures: Readonly<Record<string, string>>;
}
