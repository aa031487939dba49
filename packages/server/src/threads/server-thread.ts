/** One thread of a server, as an object of the acceptor's thread. */
import { Worker } from 'node:worker_threads';
import { type Clock, UsageError } from '@nbdjs/interfaces';
import { fromErrorRecord, toError } from '@nbdjs/kit';
import { inheritedWorkerOptions, systemClock } from '@nbdjs/node';
import type { Exported } from '../exports/export-table.ts';
import { RemoteSession } from './remote-session.ts';
import type { ThreadOrder, ThreadReport, ThreadStart } from './thread-messages.ts';
import type { DetachedSocket } from './thread-options.ts';
import { within } from './within.ts';

/** Reports about a session of the thread, or about the thread as a whole. */
export type OtherReport = Exclude<ThreadReport, { type: 'ready' | 'failed' | 'gone' | 'finished' | 'tls-loaded' }>;

export interface ThreadOwner {
  /** `session` is absent for reports about the thread, and for clients that are gone. */
  hear(thread: ServerThread, report: OtherReport, session: RemoteSession | undefined): void;
  /** The thread has ended without being asked to. Its sessions are lost by now. */
  died(thread: ServerThread, error: Error, sessions: readonly RemoteSession[]): void;
}

/** A thread that was told to stop at once is not waited for longer than this, in milliseconds. */
const terminateMs = 1000;
/** A thread that is still loading its modules may go on for so long before it is stopped, in milliseconds. */
const loadMs = 5000;

interface ReadySettler {
  resolve(exports: Exported): void;
  reject(error: Error): void;
}

export class ServerThread {
  /** The number of its place, from 0. */
  readonly place: number;
  readonly #owner: ThreadOwner;
  readonly #worker: Worker;
  readonly #clock: Clock = systemClock;
  readonly #sessions = new Map<number, RemoteSession>();
  readonly #loads = new Map<number, (error: Error | undefined) => void>();
  readonly #settleReady: ReadySettler;
  /** Settles when the exports are open; rejects when they cannot be opened. */
  readonly ready: Promise<Exported>;
  readonly #ended: Promise<void>;
  #phase: 'starting' | 'ready' | 'ending' | 'ended' = 'starting';
  /** Why the thread ends, once that is known. */
  #error: Error | undefined;
  #nextNumber = 0;

  constructor(module: URL | string, start: ThreadStart, startMs: number, owner: ThreadOwner) {
    this.place = start.thread;
    this.#owner = owner;
    let settle!: ReadySettler;
    this.ready = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.ready.catch(() => {});
    this.#settleReady = settle;
    this.#worker = new Worker(module, {
      name: `nbdjs-server-${start.thread}`,
      workerData: start,
      ...inheritedWorkerOptions(),
    });
    const cancel = this.#clock.schedule(startMs, () => {
      this.#fail(new UsageError('ERR_NBD_STATE', `thread ${this.place} did not open its exports within ${startMs} ms`));
    });
    void this.ready.then(cancel, cancel);
    this.#ended = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#exited(code);
        resolve();
      });
    });
    this.#worker.on('message', (report: ThreadReport) => this.#hear(report));
    this.#worker.on('messageerror', (error) => this.#fail(error));
    this.#worker.on('error', (error) => this.#fail(toError(error)));
  }

  /** Whether it can be given clients. */
  get isUsable(): boolean {
    return this.#phase === 'starting' || this.#phase === 'ready';
  }

  get isReady(): boolean {
    return this.#phase === 'ready';
  }

  get sessionCount(): number {
    return this.#sessions.size;
  }

  /** Has the thread serve a client, whose socket belongs to it from now on. */
  serve(socket: DetachedSocket): RemoteSession {
    const number = this.#nextNumber++;
    const session = new RemoteSession(number, socket, (order) => this.send(order));
    this.#sessions.set(number, session);
    this.#keepProcessAlive();
    return session;
  }

  send(order: ThreadOrder): void {
    if (this.#phase !== 'ended') this.#worker.postMessage(order);
  }

  /** Has the thread read its certificates again. Settles with what is wrong with them. */
  loadTls(request: number): Promise<Error | undefined> {
    if (!this.isUsable) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#loads.set(request, resolve);
      this.send({ type: 'load-tls', request });
    });
  }

  /** Ends the thread: it has so long to close its devices, in milliseconds; then it is stopped wherever it is. */
  async end(limitMs: number): Promise<void> {
    if (this.#phase === 'ended') return;
    if (this.#phase === 'ready') this.#phase = 'ending';
    this.#worker.ref();
    this.send({ type: 'finish' });
    await within(this.#clock, limitMs, this.#ended);
    await this.stop();
  }

  /** Stops the thread wherever it is. One that is stuck in the system is left to itself. */
  async stop(): Promise<void> {
    if (this.#phase === 'ended') return;
    const wasStarting = this.#phase === 'starting';
    this.#phase = 'ending';
    // Ended in the middle of loading native code, a thread would take the process with it.
    if (wasStarting) await within(this.#clock, loadMs, Promise.allSettled([this.ready]));
    void this.#worker.terminate();
    await within(this.#clock, terminateMs, this.#ended);
    this.#worker.unref();
  }

  #hear(report: ThreadReport): void {
    switch (report.type) {
      case 'ready':
        if (this.#phase === 'starting') this.#phase = 'ready';
        this.#settleReady.resolve(report);
        this.#keepProcessAlive();
        break;
      case 'failed':
        this.#fail(fromErrorRecord(report.error));
        break;
      case 'gone': {
        const session = this.#sessions.get(report.session);
        this.#sessions.delete(report.session);
        session?.end();
        this.#keepProcessAlive();
        break;
      }
      case 'tls-loaded':
        this.#loads.get(report.request)?.(report.error && fromErrorRecord(report.error));
        this.#loads.delete(report.request);
        break;
      case 'finished':
        void this.#worker.terminate();
        break;
      default:
        this.#owner.hear(this, report, 'session' in report ? this.#sessions.get(report.session) : undefined);
    }
  }

  /** The thread cannot go on. */
  #fail(error: Error): void {
    this.#error ??= error;
    if (this.isUsable) this.#phase = 'ending';
    this.#settleReady.reject(error);
    void this.#worker.terminate();
  }

  #exited(code: number): void {
    const wasAsked = this.#phase === 'ending' && this.#error === undefined;
    const error = this.#error ?? new Error(`thread ${this.place} has ended (exit code ${code})`);
    this.#phase = 'ended';
    this.#settleReady.reject(error);
    for (const resolve of this.#loads.values()) resolve(undefined);
    this.#loads.clear();
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) session.lose();
    if (!wasAsked) this.#owner.died(this, error, sessions);
  }

  /** The thread keeps the process alive while it starts, and while it serves a client. */
  #keepProcessAlive(): void {
    if (this.#phase === 'starting' || this.#sessions.size > 0) this.#worker.ref();
    else this.#worker.unref();
  }
}
