/** Starts the threads of `nbd copy --threads`. */
import { Worker } from 'node:worker_threads';
import type { CopyReport, CopyShare, CopyThread } from '@nbdjs/copy';
import { fromErrorRecord, toError, toErrorRecord } from '@nbdjs/kit';
import { inheritedWorkerOptions } from '@nbdjs/node';
import { moduleBeside } from '../../thread-module.ts';
import type { UsedConnections } from './side.ts';
import type { CopyThreadData, CopyThreadOrder, CopyThreadReport } from './thread-messages.ts';

/** A thread that is told to stop has so long to close its devices, in milliseconds. */
const stopMs = 1000;
/** A thread that is still loading its modules may go on for so long before it is ended, in milliseconds. */
const loadMs = 5000;
/** A thread that was ended is not waited for longer than this, in milliseconds: it may be stuck in the system. */
const terminateMs = 1000;

export interface ThreadListener {
  /** A line for standard error. */
  note(text: string): void;
  /** A thread that is done has used so many connections. */
  used(connections: UsedConnections): void;
}

type Outcome = Extract<CopyThreadReport, { type: 'done' | 'failed' }>;

/** Starts a thread that copies a share. */
export function startCopyThread(
  share: CopyShare,
  data: Omit<CopyThreadData, 'share'>,
  listener: ThreadListener,
): CopyThread {
  return new WorkerThread({ ...data, share }, listener);
}

class WorkerThread implements CopyThread {
  readonly ended: Promise<CopyReport>;
  readonly #worker: Worker;
  readonly #listener: ThreadListener;
  #phase: 'loading' | 'copying' | 'stopping' = 'loading';
  #timer: NodeJS.Timeout | undefined;
  #outcome: Outcome | undefined;
  #leave: () => void = () => {};

  constructor(data: CopyThreadData, listener: ThreadListener) {
    this.#listener = listener;
    this.#worker = new Worker(moduleBeside(import.meta.url, 'copy-thread'), {
      name: 'nbd-copy',
      workerData: data,
      ...inheritedWorkerOptions(),
    });
    this.#worker.on('message', (report: CopyThreadReport) => this.#hear(report));
    const fail = (error: unknown): void => this.#end({ type: 'failed', error: toErrorRecord(toError(error)) });
    this.#worker.on('messageerror', fail);
    this.#worker.on('error', fail);
    this.ended = new Promise<void>((resolve) => {
      this.#leave = resolve;
      this.#worker.once('exit', resolve);
    }).then(() => this.#result());
  }

  stop(cause: Error): void {
    if (this.#phase === 'stopping') return;
    const order: CopyThreadOrder = { type: 'stop', cause: toErrorRecord(cause) };
    this.#worker.postMessage(order);
    // Ended in the middle of loading native code, a thread would take the process with it.
    this.#timer ??= setTimeout(() => this.#terminate(), this.#phase === 'loading' ? loadMs : stopMs);
    this.#phase = 'stopping';
  }

  #hear(report: CopyThreadReport): void {
    switch (report.type) {
      case 'loaded':
        if (this.#phase === 'loading') this.#phase = 'copying';
        break;
      case 'note':
        this.#listener.note(report.text);
        break;
      case 'done':
        this.#listener.used(report.connections);
        this.#end(report);
        break;
      case 'failed':
        this.#end(report);
        break;
    }
  }

  /** The thread has done its last. */
  #end(outcome: Outcome): void {
    this.#outcome ??= outcome;
    this.#terminate();
  }

  #terminate(): void {
    clearTimeout(this.#timer);
    void this.#worker.terminate();
    this.#timer = setTimeout(() => {
      this.#worker.unref();
      this.#leave();
    }, terminateMs);
  }

  #result(): CopyReport {
    clearTimeout(this.#timer);
    if (this.#outcome?.type === 'done') return this.#outcome.report;
    if (this.#outcome !== undefined) throw fromErrorRecord(this.#outcome.error);
    throw new Error('a thread of the copy ended before its work was done');
  }
}
