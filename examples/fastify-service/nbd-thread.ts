/** Starts the worker, and ends it. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { WorkerData } from './images.ts';

/** How long the worker may take to close, in milliseconds: a little longer than its server does. */
const closeMs = 15_000;

export class NbdThread {
  readonly port: number;
  readonly #worker: Worker;
  #failure: Error | undefined;
  readonly #exited: Promise<void>;

  private constructor(worker: Worker, port: number) {
    this.#worker = worker;
    this.port = port;
    worker.on('error', (error) => {
      this.#failure = error;
    });
    this.#exited = once(worker, 'exit').then(([code]) => {
      this.#failure ??= new Error(`the NBD thread has ended with code ${code}`);
    });
    // An `error` comes before the exit, and `once` rejects with it.
    this.#exited.catch(() => {});
  }

  /** Resolves when the server listens. @throws Error when it cannot. */
  static async start(workerData: WorkerData): Promise<NbdThread> {
    const worker = new Worker(new URL('./nbd-worker.ts', import.meta.url), { workerData });
    const [{ port }] = (await once(worker, 'message')) as [{ port: number }];
    return new NbdThread(worker, port);
  }

  /** Why there is no NBD server any more; `undefined` while there is one. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Lets the clients finish, for a bounded time. */
  async close(): Promise<void> {
    const timer = setTimeout(() => void this.#worker.terminate(), closeMs);
    this.#worker.postMessage('close');
    await this.#exited.catch(() => {});
    clearTimeout(timer);
  }
}
