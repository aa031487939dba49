/** The establishment thread, as an object of the main thread: started on first use, ended when idle, replaced when it has failed. */
import type { Worker } from 'node:worker_threads';
import { ConnectError } from '@nbdjs/interfaces';
import { inheritedWorkerOptions } from '@nbdjs/node';
import type { LinkMemory } from '../kept/ring-link.ts';
import type { ThreadOrder, ThreadReport } from './thread-messages.ts';

/** A connector that uses the thread. */
export interface ThreadClient {
  /** Called for each report about the connector. */
  hear(report: Exclude<ThreadReport, { type: 'ready' | 'event' }>): void;
  /** The thread has ended unexpectedly, and its state is lost. */
  lost(cause: Error): void;
}

/** Takes reports that are for no attached connector. */
export interface ThreadListener {
  event(report: Extract<ThreadReport, { type: 'event' }>): void;
  /** A connection for a connector that has been released. */
  unclaimed(report: Extract<ThreadReport, { type: 'handed-over' | 'kept' }>): void;
}

/** An idle thread ends after this long, in milliseconds. */
const idleMs = 500;

/** A thread that has not started, or not ended when asked to, is terminated after this long, in milliseconds. */
const terminateMs = 10_000;

export class EstablishmentThread {
  readonly #workerUrl: URL;
  readonly #listener: ThreadListener;
  readonly #clients = new Map<number, ThreadClient>();
  #worker: Worker | undefined;
  #isReady = false;
  /** Orders that wait for the thread to be ready. */
  #backlog: ThreadOrder[] = [];
  /** Open connections whose sockets the thread keeps. */
  #keptCount = 0;
  /** Requests that a caller waits for. */
  #pendingCount = 0;
  #startTimer: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

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
    this.#endIfIdle();
  }

  detach(connector: number): void {
    this.#clients.delete(connector);
    this.#endIfIdle();
  }

  /** Sends orders, and starts the thread if there is none. @throws ConnectError `ERR_NBD_WORKER` when it cannot be started. */
  send(...orders: readonly ThreadOrder[]): void {
    const worker = this.#worker ?? this.#start();
    if (!this.#isReady) this.#backlog.push(...orders);
    else for (const order of orders) worker.postMessage(order);
  }

  /** Gives back the memory of a kept connection that is over; the thread, if there is one, uses it again. */
  recycle(memory: LinkMemory): void {
    if (this.#isReady) this.send({ type: 'recycle', memory });
  }

  /** Counts requests. While there are any, the thread keeps the process alive. */
  addPending(difference: 1 | -1): void {
    this.#pendingCount += difference;
    this.#keepProcessAlive();
  }

  /** Counts kept connections. While there are any, the thread does not end. */
  addKept(difference: 1 | -1): void {
    this.#keptCount += difference;
    this.#endIfIdle();
  }

  #start(): Worker {
    let worker: Worker;
    try {
      // Loaded late: a program without threads starts faster without this module.
      const { Worker } = process.getBuiltinModule('node:worker_threads');
      worker = new Worker(this.#workerUrl, { name: 'nbdjs-connection', ...inheritedWorkerOptions() });
    } catch (cause) {
      throw threadError('cannot be started', cause);
    }
    this.#worker = worker;
    worker.on('message', (report: ThreadReport) => {
      if (this.#worker === worker || report.type !== 'ready') this.#dispatch(report);
    });
    worker.on('error', (error) => this.#lose(worker, threadError('has failed', error)));
    worker.on('messageerror', (error) =>
      this.#lose(worker, threadError('sent a message that cannot be decoded', error)),
    );
    worker.on('exit', (code) => this.#lose(worker, threadError(`has ended unexpectedly (exit code ${code})`)));
    this.#startTimer = setTimeout(() => {
      void worker.terminate();
      this.#lose(worker, threadError(`did not start within ${terminateMs} ms`));
    }, terminateMs).unref();
    this.#keepProcessAlive();
    return worker;
  }

  #dispatch(report: ThreadReport): void {
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
        if (client === undefined) this.#listener.unclaimed(report);
        else client.hear(report);
        break;
      }
      case 'failed':
      case 'handshake-event':
        this.#clients.get(report.connector)?.hear(report);
        break;
    }
  }

  /** The thread keeps the process alive only while a caller waits for it. */
  #keepProcessAlive(): void {
    if (this.#pendingCount > 0) this.#worker?.ref();
    else this.#worker?.unref();
  }

  #endIfIdle(): void {
    clearTimeout(this.#idleTimer);
    if (this.#worker === undefined || this.#clients.size > 0 || this.#keptCount > 0) return;
    this.#idleTimer = setTimeout(() => this.#end(), idleMs).unref();
  }

  /** Ends an idle thread. A connector that comes meanwhile gets a new one. */
  #end(): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    this.#forget();
    worker.postMessage({ type: 'finish' } satisfies ThreadOrder);
    const timer = setTimeout(() => void worker.terminate(), terminateMs).unref();
    worker.on('exit', () => clearTimeout(timer));
  }

  #lose(worker: Worker, cause: ConnectError): void {
    if (this.#worker !== worker) return;
    this.#forget();
    for (const client of [...this.#clients.values()]) client.lost(cause);
  }

  #forget(): void {
    clearTimeout(this.#startTimer);
    clearTimeout(this.#idleTimer);
    this.#worker = undefined;
    this.#isReady = false;
    this.#backlog = [];
  }
}

function threadError(what: string, cause?: unknown): ConnectError {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new ConnectError('ERR_NBD_WORKER', `the thread that establishes connections ${what}${why}`, { cause });
}
