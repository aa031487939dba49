/** Starts a tiny server in a thread of its own. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { TinyServerAddress, TinyServerOptions } from '@nbdjs/testkit';
import type { ServerWorkerData } from './server-worker.ts';

export interface ServerCounts {
  /** Connections that were ever accepted. */
  readonly accepted: number;
  /** Connections that are open. */
  readonly open: number;
}

export class ServerThread {
  readonly address: TinyServerAddress;
  readonly #worker: Worker;

  private constructor(worker: Worker, address: TinyServerAddress) {
    this.#worker = worker;
    this.address = address;
  }

  /** Settles when the server listens. */
  static async start(address: TinyServerAddress, options: TinyServerOptions = {}): Promise<ServerThread> {
    const worker = startWorker({ address, options, listenAfterMs: 0 });
    const [actual] = (await once(worker, 'message')) as [TinyServerAddress];
    return new ServerThread(worker, actual);
  }

  /** Settles when the thread runs; the server appears later, even while the caller's loop is busy. */
  static async announce(address: TinyServerAddress, listenAfterMs: number): Promise<ServerThread> {
    const worker = startWorker({ address, options: {}, listenAfterMs });
    await once(worker, 'online');
    return new ServerThread(worker, address);
  }

  async counts(): Promise<ServerCounts> {
    return await this.#ask('count');
  }

  /** Closes every connection, as a crash would. */
  async dropAll(): Promise<void> {
    await this.#ask('drop');
  }

  async close(): Promise<void> {
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage('close');
    await ended;
  }

  async #ask(question: 'count' | 'drop'): Promise<ServerCounts> {
    this.#worker.postMessage(question);
    for (;;) {
      const [answer] = (await once(this.#worker, 'message')) as [ServerCounts | TinyServerAddress];
      if ('accepted' in answer) return answer;
    }
  }
}

function startWorker(workerData: ServerWorkerData): Worker {
  return new Worker(new URL('./server-worker.ts', import.meta.url), { workerData });
}
