/** What is measured, as data. */

/** What a run can be judged by. */
export const figures = {
  requestsPerSecond: { title: 'requests/s', isMoreBetter: true },
  bytesPerSecond: { title: 'bytes/s', isMoreBetter: true },
  seconds: { title: 'seconds', isMoreBetter: false },
  processorSeconds: { title: 'processor s', isMoreBetter: false },
  processorSecondsPerGb: { title: 'processor s/GB', isMoreBetter: false },
  bytesPerConnection: { title: 'bytes/connection', isMoreBetter: false },
} as const;

export type Figure = keyof typeof figures;

/** What a figure is to be: our median over the peer's, or ours itself where there is no peer. */
export interface Aim {
  readonly figure: Figure;
  readonly peer?: string | undefined;
  /** At least this where more is better, at most this where less is. Without: it is only shown. */
  readonly bound?: number | undefined;
}

/** One measurement: our candidate and its peers do the same, in turns. */
export interface Cell {
  /** Unique, such as `client/read/4k/64`. */
  readonly id: string;
  /** What the bytes go through, such as `client` or `server, memory`. */
  readonly path: string;
  readonly operation: string;
  readonly blockBytes?: number | undefined;
  /** Requests in flight on each connection. */
  readonly depth?: number | undefined;
  /** @default 1 */
  readonly connections?: number | undefined;
  readonly deviceBytes?: number | undefined;
  /** Names of candidates, which the part of the cell knows. */
  readonly ours: string;
  readonly peers: readonly string[];
  readonly aims: readonly Aim[];
}

/** A requirement for each of these peers, by the ratio that is aimed at. */
export function aimsOf(figure: Figure, bounds: Readonly<Record<string, number | undefined>>): readonly Aim[] {
  return Object.entries(bounds).map(([peer, bound]) => ({ figure, peer, bound }));
}

export function sizeText(bytes: number): string {
  for (const [exponent, unit] of [
    [40, 'T'],
    [30, 'G'],
    [20, 'M'],
    [10, 'k'],
  ] as const) {
    if (bytes >= 2 ** exponent && bytes % 2 ** exponent === 0) return `${bytes / 2 ** exponent}${unit}`;
  }
  return `${bytes}`;
}
