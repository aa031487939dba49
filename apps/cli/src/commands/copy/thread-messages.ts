/** What the threads of `nbd copy --threads` and the main thread tell each other. */
import type { CopyReport, CopyShare } from '@nbdjs/copy';
import type { ErrorRecord } from '@nbdjs/kit';
import type { Operand } from '../../options/operand.ts';
import type { CopyOptions } from './command.ts';
import type { PlainTransferOptions } from './copy-job.ts';
import type { UsedConnections } from './side.ts';

/** What a thread is given at its start. */
export interface CopyThreadData {
  readonly share: CopyShare;
  readonly source: Operand;
  readonly destination: Operand;
  readonly options: CopyOptions;
  readonly transfer: PlainTransferOptions;
  /** Connections of this thread to each server, at most. */
  readonly connections: number;
  /** The files that the main thread has opened, as `fileIdentity` has them; `undefined` for what is no file. */
  readonly files: { readonly source: string | undefined; readonly destination: string | undefined };
}

export interface CopyThreadOrder {
  readonly type: 'stop';
  readonly cause: ErrorRecord;
}

export type CopyThreadReport =
  /** Its modules are loaded, native code among them. */
  | { readonly type: 'loaded' }
  /** A line for standard error. */
  | { readonly type: 'note'; readonly text: string }
  | { readonly type: 'done'; readonly report: CopyReport; readonly connections: UsedConnections }
  | { readonly type: 'failed'; readonly error: ErrorRecord };
