/** One copy, with both sides open. */
import type { CopyOptions as TransferOptions } from '@nbdjs/copy';
import { nextTurn } from '@nbdjs/node';
import type { Progress } from '../../render/progress.ts';
import type { Terminal } from '../../terminal.ts';
import type { CopyOptions } from './command.ts';
import type { SourceSide, TargetSide } from './side.ts';

export interface CopyJob {
  readonly from: SourceSide;
  readonly to: TargetSide;
  /** Connections to each server, at most. */
  readonly connections: number;
  readonly options: CopyOptions;
  readonly terminal: Terminal;
  readonly onMapFailure: NonNullable<TransferOptions['onMapFailure']>;
}

/** What transfers and comparisons have in common. The command's options are about one connection, these are about all. */
export function sharedTransferOptions(job: CopyJob, progress: Progress) {
  const { connections, options, terminal, onMapFailure } = job;
  const { requests, queueSize, requestSize, extents, synchronous } = options;
  return {
    requests: requests === undefined ? undefined : requests * connections,
    queueBytesMax: queueSize === undefined ? undefined : queueSize * connections,
    requestSize,
    extents,
    synchronous,
    nextTurn,
    signal: terminal.signal,
    onProgress: (figures) => progress.update(figures),
    onMapFailure,
  } satisfies TransferOptions;
}
