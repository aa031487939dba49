/** Copying one device to another in several threads. */
import { UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option, toError } from '@nbdjs/kit';
import { copyPart, type DeviceHandles, handles } from '../copy-device.ts';
import { type CopyOptions, copyOptions } from '../options.ts';
import type { CopyReport } from '../report.ts';
import { type CopyShare, makeShare, SharedWork } from './shared-work.ts';

/** One more thread of a copy, as its starter sees it. */
export interface CopyThread {
  /**
   * What `copyShare` has reported in the thread. Settles when the thread has ended and its devices are closed; rejects with the error
   * that ended it.
   */
  readonly ended: Promise<CopyReport>;
  /** Ends the thread soon, even when a device does not answer. Called when the copy has failed, perhaps more than once. */
  stop(cause: Error): void;
}

const { checkpoint: _, grow: __, changed: ___, ...shared } = copyOptions.definitions;

/** The options of a copy in several threads as data: defaults, units, checks and texts. */
export const threadedCopyOptions = defineOptions({
  ...shared,
  /** How many threads copy, the calling one included: 1 to 64. */
  threads: option.count({
    required: true,
    least: 1,
    most: 64,
    doc: 'How many threads copy, the calling one included.',
  }),
  /**
   * Starts a thread (a worker, say) that opens source and target for itself and calls `copyShare` with the share that it is given, with the
   * same options. Called once for each thread but the calling one. The share can be posted to a worker.
   */
  startThread: option.callback<(share: CopyShare) => CopyThread>({
    required: true,
    doc: 'Starts a thread that opens source and target for itself and calls `copyShare` with the share that it is given.',
  }),
});

/** How to copy in several threads. */
export interface ThreadedCopyOptions extends OptionsOf<typeof threadedCopyOptions> {}

/**
 * Copies all bytes of the source to the start of the target, like `copyDevice`, in the calling thread and in others. Each thread takes
 * one part of the device after the other, of 64 MiB to 1 GiB.
 *
 * Every thread has to open the same source and the same target. What one of them writes to the target has to be seen by the others and
 * covered by their flushes (`multiConn`), as it is for files and for servers that say so. With `flush`, each thread flushes its own target
 * before it ends. The first error of any thread stops all of them, and is thrown when they have ended.
 *
 * @returns the sums of all threads.
 * @throws UsageError when the target is too small, read-only, or not fit for several threads; errors of any thread's devices, or the
 *   signal's reason.
 */
export async function copyInThreads(
  source: DeviceHandles,
  target: DeviceHandles,
  options: ThreadedCopyOptions,
): Promise<CopyReport> {
  const { threads, startThread } = threadedCopyOptions.resolve('copyInThreads', options);
  const { threads: _threads, startThread: _startThread, ...copying } = options;
  if (threads > 1) requireShared(source, target);
  return await new ThreadedCopy(source, target, threads, copying).run(startThread);
}

/**
 * Copies a share of what `copyInThreads` copies; called in each thread that it has started, with devices that the thread has opened.
 * The devices stay open.
 *
 * @returns what this thread has done.
 * @throws UsageError when the source has another size than in the calling thread; errors of either device, or the signal's reason.
 */
export async function copyShare(
  source: DeviceHandles,
  target: DeviceHandles,
  share: CopyShare,
  options: CopyOptions = {},
): Promise<CopyReport> {
  requireNoCheckpoint(options);
  return await copyPart(source, target, options, new SharedWork(share));
}

function requireNoCheckpoint({ checkpoint }: CopyOptions): void {
  if (checkpoint === undefined) return;
  throw new UsageError('ERR_NBD_ARGUMENT', 'a copy in threads has no checkpoints: its parts are done in no order');
}

/** @throws UsageError */
function requireShared(source: DeviceHandles, target: DeviceHandles): void {
  for (const [name, given] of Object.entries({ source, target })) {
    const [device] = handles(name, given);
    if (device.abilities.multiConn) continue;
    const message = `the ${name} does not say that several handles to it see the same (multiConn), which threads need`;
    throw new UsageError('ERR_NBD_NOT_SUPPORTED', message);
  }
}

class ThreadedCopy {
  readonly #source: DeviceHandles;
  readonly #target: DeviceHandles;
  readonly #options: CopyOptions;
  readonly #share: CopyShare;
  readonly #work: SharedWork;
  readonly #threads: CopyThread[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(source: DeviceHandles, target: DeviceHandles, threads: number, options: CopyOptions) {
    this.#source = source;
    this.#target = target;
    this.#options = options;
    const [first] = handles('source', source);
    this.#share = makeShare(first.geometry.size, threads);
    this.#work = new SharedWork(this.#share);
  }

  async run(startThread: (share: CopyShare) => CopyThread): Promise<CopyReport> {
    const { signal, onProgress } = this.#options;
    signal?.throwIfAborted();
    const onAbort = (): void => this.#fail(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const reports: CopyReport[] = [];
    const join = async (part: Promise<CopyReport>): Promise<void> => {
      try {
        reports.push(await part);
        // This thread may have nothing left to do, and so no progress of its own to report.
        if (this.#failure === undefined)
          onProgress?.({ doneBytes: this.#work.doneBytes, totalBytes: this.#share.size });
      } catch (error) {
        this.#fail(error);
      }
    };
    try {
      const parts = this.#start(startThread).map(({ ended }) => join(ended));
      // A failure to start one has stopped the others.
      if (this.#failure === undefined)
        parts.push(join(copyPart(this.#source, this.#target, this.#options, this.#work)));
      await Promise.all(parts);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
    if (this.#failure !== undefined) throw (this.#failure as { error: unknown }).error;
    this.#requireAll();
    return sum(this.#share.size, reports);
  }

  /** Threads that see different block sizes disagree about where the last, short block begins. */
  #requireAll(): void {
    const { doneBytes, size } = this.#work;
    if (doneBytes === size) return;
    const message = `the threads have copied ${doneBytes} bytes of ${size}: source or target has other blocks in one of them`;
    throw new UsageError('ERR_NBD_STATE', message);
  }

  #start(startThread: (share: CopyShare) => CopyThread): readonly CopyThread[] {
    try {
      while (this.#threads.length < this.#share.threads - 1) this.#threads.push(startThread(this.#share));
    } catch (error) {
      this.#fail(error);
    }
    return this.#threads;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#work.stop();
    for (const thread of this.#threads) thread.stop(toError(error));
  }
}

function sum(totalBytes: bigint, reports: readonly CopyReport[]): CopyReport {
  const of = (name: 'readBytes' | 'writtenBytes' | 'zeroedBytes' | 'skippedBytes'): bigint =>
    reports.reduce((all, report) => all + report[name], 0n);
  return {
    totalBytes,
    readBytes: of('readBytes'),
    writtenBytes: of('writtenBytes'),
    zeroedBytes: of('zeroedBytes'),
    skippedBytes: of('skippedBytes'),
  };
}
