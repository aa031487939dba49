/** What one run of one candidate gave. */
import type { NodeCounters } from '../node-counters.mjs';
import type { ProcessReading } from '../processes/proc-texts.ts';
import type { Figure } from './cell.ts';

/** What the programs of one side used, and the requests that they did in that time. */
export interface SideCost {
  readonly used: ProcessReading;
  /** Of programs that run in Node and can be asked. */
  readonly node?: NodeCounters | undefined;
  readonly requests?: number | undefined;
  readonly bytes?: number | undefined;
}

export interface Run {
  readonly values: Readonly<Partial<Record<Figure, number>>>;
  readonly client?: SideCost | undefined;
  readonly server?: SideCost | undefined;
}

export type Side = 'client' | 'server';

/** Something that can be measured again and again. */
export interface Candidate {
  measure(): Promise<Run>;
  /** System calls for each request, in a short run of its own that strace slows down. */
  countCalls?(side: Side): Promise<number>;
}
