/** A server whose sessions run in threads, against hostile clients on real sockets and in real time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ServerEvents, serve, type ThreadedServing } from '@nbdjs/server';
import { createSharedMemory } from '@nbdjs/storage';
import { seededRandom } from '@nbdjs/testkit';
import { detachDescriptor, listen } from '@nbdjs/transport';
import { randomCut } from '../hostile-channel.ts';
import { type Input, insist, type Target } from '../target.ts';
import { wholeServer } from './server.ts';

const module = new URL('../memory-thread.ts', import.meta.url);
const patienceMs = 100;
/** Each limit at most once, on a machine that does other work. */
const enoughMs = 8000;
const serverBytesMax = 1024 * 1024;

type Serving = ThreadedServing<{ readonly type: 'unix'; readonly path: string }>;

/** One server for all inputs, as it has to outlive them. */
class SharedServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'nbdjs-fuzz-'));
  readonly path = join(this.#folder, 'socket');
  readonly serving: Promise<Serving> = this.#serve();
  threadsEnded = 0;

  #serve(): Promise<Serving> {
    const trace = {
      enabled: true,
      emit: (event: keyof ServerEvents): void => {
        if (event === 'thread-ended') this.threadsEnded++;
      },
    };
    const data = createSharedMemory({ size: 65_536 });
    const limits = {
      handshakeMs: patienceMs,
      stallMs: patienceMs,
      sendStallMs: patienceMs,
      pressureMs: patienceMs,
      idleMs: patienceMs,
      serverBytesMax,
      payloadBytesMax: 64 * 1024,
    };
    const threads = { module, detach: detachDescriptor, count: 2, data };
    return serve({ type: 'unix', path: this.path }, { listen, limits, trace, threads });
  }

  async close(): Promise<void> {
    const { server, close } = await this.serving;
    await server.destroy();
    await close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

let shared: SharedServer | undefined;

/** Says all of it in pieces, reads the answers or not, and stays or hangs up. Settles when the connection is over. */
function visit(path: string, { seed, bytes }: Input): Promise<void> {
  const random = seededRandom(seed);
  const cut = randomCut(random);
  const reads = random() < 0.8;
  const staysSilent = random() < 0.2;
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the connection is not over after ${enoughMs} ms`));
    }, enoughMs);
    // What the server does to such a client is its right.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    if (reads) socket.resume();
    socket.on('connect', () => {
      for (let position = 0; position < bytes.length; ) {
        const end = position + Math.max(1, cut());
        socket.write(bytes.subarray(position, end));
        position = end;
      }
      if (!staysSilent) socket.end();
      // A socket that is not read never reports its end.
      if (!reads) setTimeout(() => socket.destroy(), 2 * patienceMs);
    });
  });
}

export const serverThreads: Target = {
  name: 'server-threads',
  corpus: wholeServer.corpus,
  async run(input) {
    shared ??= new SharedServer();
    const { server } = await shared.serving;
    await visit(shared.path, input);
    const startMs = performance.now();
    while (server.sessions.length > 0 && performance.now() - startMs < enoughMs) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    insist(server.sessions.length === 0, 'a session is left over');
    insist(server.bytesInFlight === 0, `${server.bytesInFlight} bytes are in flight without a request`);
    insist(shared.threadsEnded === 0, `${shared.threadsEnded} threads have ended`);
  },
  async close() {
    await shared?.close();
    shared = undefined;
  },
};
