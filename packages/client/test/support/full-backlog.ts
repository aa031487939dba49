/** A port on which a process listens without ever accepting a connection: once its backlog is full, connecting waits. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Worker } from 'node:worker_threads';

/** Listens, tells where, and never comes back to its event loop. */
const listening = `
  const { createServer } = require('node:net');
  const { parentPort } = require('node:worker_threads');
  const server = createServer().listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  });
`;

/** A connection that stands has been taken by the kernel; one that has not after this long waits for room. */
const patienceMs = 300;

export class FullBacklog implements AsyncDisposable {
  readonly port: number;
  readonly #worker: Worker;
  readonly #fillers: readonly Socket[];

  private constructor(port: number, worker: Worker, fillers: readonly Socket[]) {
    this.port = port;
    this.#worker = worker;
    this.#fillers = fillers;
  }

  static async start(): Promise<FullBacklog> {
    const worker = new Worker(listening, { eval: true });
    const [port] = (await once(worker, 'message')) as [number];
    const fillers: Socket[] = [];
    for (let isFull = false; !isFull; ) {
      const filler = connect({ host: '127.0.0.1', port }).on('error', () => {});
      fillers.push(filler);
      const connected = once(filler, 'connect').then(() => true);
      isFull = !(await Promise.race([connected, new Promise((resolve) => setTimeout(resolve, patienceMs, false))]));
    }
    return new FullBacklog(port, worker, fillers);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const filler of this.#fillers) filler.destroy();
    await this.#worker.terminate();
  }
}
