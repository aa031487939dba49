/** A proxy in front of a real store, which does what a test wants to go wrong. Requests and answers go through it as they are. */
import { Agent, request as requestHttp } from 'node:http';
import type { S3Reply } from './reply.ts';
import {
  type Asked,
  type S3Call,
  type S3Trouble,
  startTroubledServer,
  type TroubledServer,
} from './troubled-server.ts';

/** A proxy that runs. */
export interface S3Proxy extends TroubledServer, AsyncDisposable {
  /** Asked for each request. Of later requests. */
  trouble: ((call: S3Call) => S3Trouble | undefined) | undefined;
  /** Bytes of bodies so far, both ways. */
  readonly bytes: { readonly sent: number; readonly received: number };
}

/** Headers between two neighbours. */
const neighbourly = new Set(['connection', 'keep-alive', 'transfer-encoding']);

/** Starts a proxy on a free port of 127.0.0.1. `target`: the store, such as `http://127.0.0.1:9000`. */
export async function startS3Proxy(target: string, trouble?: S3Proxy['trouble']): Promise<S3Proxy> {
  const agent = new Agent({ keepAlive: true });
  const bytes = { sent: 0, received: 0 };
  const running = { trouble };
  const server = await startTroubledServer({
    async answer(asked) {
      const reply = await forward(target, agent, asked);
      bytes.sent += asked.body.length;
      bytes.received += reply.body.length;
      return reply;
    },
    trouble: (call) => running.trouble?.(call),
  });
  const close = async (): Promise<void> => {
    await server.close();
    agent.destroy();
  };
  return {
    endpoint: server.endpoint,
    calls: server.calls,
    bytes,
    get trouble() {
      return running.trouble;
    },
    set trouble(trouble) {
      running.trouble = trouble;
    },
    get connections() {
      return server.connections;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function forward(target: string, agent: Agent, { method, url, headers, body }: Asked): Promise<S3Reply> {
  return new Promise((resolve, reject) => {
    const sent = requestHttp(new URL(url, target), { method, headers, agent, setHost: false });
    sent.on('error', reject);
    sent.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        const kept = Object.entries(response.headers).filter(([name]) => !neighbourly.has(name));
        const status = response.statusCode ?? 0;
        resolve({ status, headers: Object.fromEntries(kept) as Record<string, string>, body: Buffer.concat(pieces) });
      });
    });
    sent.end(body);
  });
}
