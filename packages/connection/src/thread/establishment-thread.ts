/** The establishment thread, seen from the main thread: started when needed, ended when not, mourned when dead. */

import { Worker } from 'node:worker_threads';
import { ConnectError } from '@nbdjs/interfaces';
import type { LinkMemory } from '../kept/ring-link.ts';
import type { ThreadOrder, ThreadReport } from './thread-messages.ts';

/** A connector that uses the thread. */
export interface ThreadClient {
  hear(report: Exclude<ThreadReport, { type: 'ready' | 'event' }>): void;
  /** The thread has died with all that it knew. */
  lost(cause: Error): void;
}

/** What the thread hears that is nobody's in particular, or nobody's any more. */
export interface ThreadListener {
  event(report: Extract<ThreadReport, { type: 'event' }>): void;
  /** A delivery for a connector that has been released. */
  orphan(report: Extract<ThreadReport, { type: 'handed-over' | 'kept' }>): void;
}

/** A thread without work ends after so long, in milliseconds. */
const graceMs = 500;

/** A thread that has not said its first word, or not ended when asked to, is ended by force after so long. */
const patienceMs = 10_000;

export class EstablishmentThread {
  readonly #workerUrl: URL;
  readonly #listener: ThreadListener;
  readonly #clients = new Map<number, ThreadClient>();
  #worker: Worker | undefined;
  #isReady = false;
  /** Orders from before the thread was ready. */
  #backlog: ThreadOrder[] = [];
  /** Connections that the thread keeps for us. */
  #keptCount = 0;
  /** Requests that somebody waits for. */
  #pendingCount = 0;
  #startTimer: NodeJS.Timeout | undefined;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(workerUrl: URL, listener: ThreadListener) {
    this.#workerUrl = workerUrl;
    this.#listener = listener;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Whether there is a thread at the moment. */
  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** The worker itself, for tests that end it by force. */
  get worker(): Worker | undefined {
    return this.#worker;
  }

  /** Reports about this connector go to `client` until `detach`. */
  attach(connector: number, client: ThreadClient): void {
    this.#clients.set(connector, client);
    this.#keepOrEnd();
  }

  detach(connector: number): void {
    this.#clients.delete(connector);
    this.#keepOrEnd();
  }

  /** Starts the thread if there is none. @throws ConnectError `ERR_NBD_WORKER` when it cannot be started. */
  send(...orders: readonly ThreadOrder[]): void {
    const worker = this.#worker ?? this.#start();
    if (!this.#isReady) this.#backlog.push(...orders);
    else for (const order of orders) worker.postMessage(order);
  }

  /** Gives back the memory of a kept connection that is over; the thread, if there is one, uses it again. */
  recycle(memory: LinkMemory): void {
    if (this.#isReady) this.send({ type: 'recycle', memory });
  }

  /** While requests are pending, the process lives on for them. */
  addPending(difference: 1 | -1): void {
    this.#pendingCount += difference;
    this.#refer();
  }

  addKept(difference: 1 | -1): void {
    this.#keptCount += difference;
    this.#keepOrEnd();
  }

  #start(): Worker {
    let worker: Worker;
    try {
      worker = new Worker(this.#workerUrl, { name: 'nbdjs-connection', ...inheritance() });
    } catch (cause) {
      throw threadError('cannot be started', cause);
    }
    this.#worker = worker;
    worker.on('message', (report: ThreadReport) => {
      if (this.#worker === worker || report.type !== 'ready') this.#hear(report);
    });
    worker.on('error', (error) => this.#lost(worker, threadError('has failed', error)));
    worker.on('messageerror', (error) => this.#lost(worker, threadError('sent what cannot be understood', error)));
    worker.on('exit', (code) => this.#lost(worker, threadError(`has ended unexpectedly (exit code ${code})`)));
    this.#startTimer = setTimeout(() => {
      void worker.terminate();
      this.#lost(worker, threadError(`did not start within ${patienceMs} ms`));
    }, patienceMs).unref();
    this.#refer();
    return worker;
  }

  #hear(report: ThreadReport): void {
    switch (report.type) {
      case 'ready':
        clearTimeout(this.#startTimer);
        this.#isReady = true;
        for (const order of this.#backlog.splice(0)) this.#worker?.postMessage(order);
        break;
      case 'event':
        this.#listener.event(report);
        break;
      case 'handed-over':
      case 'kept': {
        const client = this.#clients.get(report.connector);
        if (client === undefined) this.#listener.orphan(report);
        else client.hear(report);
        break;
      }
      case 'failed':
      case 'trace':
        this.#clients.get(report.connector)?.hear(report);
        break;
    }
  }

  /** The process lives on for the thread only while somebody waits for it. */
  #refer(): void {
    if (this.#pendingCount > 0) this.#worker?.ref();
    else this.#worker?.unref();
  }

  #keepOrEnd(): void {
    clearTimeout(this.#graceTimer);
    if (this.#worker === undefined || this.#clients.size > 0 || this.#keptCount > 0) return;
    this.#graceTimer = setTimeout(() => this.#end(), graceMs).unref();
  }

  /** Ends an idle thread; whoever comes meanwhile gets a new one. */
  #end(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#forget();
    worker.postMessage({ type: 'finish' } satisfies ThreadOrder);
    const timer = setTimeout(() => void worker.terminate(), patienceMs).unref();
    worker.on('exit', () => clearTimeout(timer));
  }

  #lost(worker: Worker, cause: ConnectError): void {
    if (this.#worker !== worker) return;
    this.#forget();
    for (const client of [...this.#clients.values()]) client.lost(cause);
  }

  #forget(): void {
    clearTimeout(this.#startTimer);
    clearTimeout(this.#graceTimer);
    this.#worker = undefined;
    this.#isReady = false;
    this.#backlog = [];
  }
}

/**
 * Node's own options come down to the thread, except where they would kill it: a process that was started with
 * `--input-type` (code on the command line) can start no thread from a file.
 */
function inheritance(): { execArgv?: string[] } {
  return process.execArgv.some((option) => option.startsWith('--input-type')) ? { execArgv: [] } : {};
}

function threadError(what: string, cause?: unknown): ConnectError {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new ConnectError('ERR_NBD_WORKER', `the thread that establishes connections ${what}${why}`, { cause });
}
