/** One copy, with both sides open. */
import type { CopyOptions as TransferOptions } from '@nbdjs/copy';
import { nextTurn } from '@nbdjs/node';
import type { Operand } from '../../options/operand.ts';
import type { Progress } from '../../render/progress.ts';
import type { Terminal } from '../../terminal.ts';
import type { CopyOptions } from './command.ts';
import type { SourceSide, TargetSide, UsedConnections } from './side.ts';

export interface CopyJob {
  readonly source: Operand;
  readonly destination: Operand;
  readonly from: SourceSide;
  readonly to: TargetSide;
  /** Threads that copy, the main thread included. */
  readonly threads: number;
  /** Connections of each thread to each server, at most. */
  readonly connections: number;
  readonly options: CopyOptions;
  readonly terminal: Terminal;
  readonly onMapFailure: NonNullable<TransferOptions['onMapFailure']>;
  /** A thread is done, and has used so many connections. */
  readonly onThreadDone: (used: UsedConnections) => void;
}

/** The options of a transfer that can be posted to a thread. */
export type PlainTransferOptions = Omit<
  TransferOptions,
  'nextTurn' | 'signal' | 'onProgress' | 'onMapFailure' | 'grow' | 'checkpoint'
>;

/** What transfers and comparisons have in common. */
export function sharedTransferOptions(job: CopyJob, progress: Progress) {
  const { terminal, onMapFailure } = job;
  return {
    ...plainTransferOptions(job),
    nextTurn,
    signal: terminal.signal,
    onProgress: (figures) => progress.update(figures),
    onMapFailure,
  } satisfies TransferOptions;
}

/** The command's options are about one connection, these are about all that a thread has. */
export function plainTransferOptions({ connections, options }: CopyJob) {
  const { requests, queueSize, extents, synchronous, rate } = options;
  // What waits for its turn would delay the end of a copy that is interrupted.
  const turnBytes = rate === undefined ? Number.POSITIVE_INFINITY : 2 ** Math.floor(Math.log2(rate / 8));
  const requestSize = Math.max(Math.min(options.requestSize, turnBytes), 4096);
  if (rate !== undefined) return { requests: 2, requestSize, extents, synchronous };
  return {
    requests: requests === undefined ? undefined : requests * connections,
    queueBytesMax: queueSize === undefined ? undefined : queueSize * connections,
    requestSize,
    extents,
    synchronous,
  } satisfies PlainTransferOptions;
}
