/** A server over HTTP that does what a test wants to go wrong. What it answers otherwise is asked from elsewhere. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errorReply, type S3Reply } from './reply.ts';

/** A request, as a test sees it. */
export interface S3Call {
  /** Counts from 0. */
  readonly index: number;
  readonly method: string;
  /** Empty for a request about the bucket. */
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
  /** Length of its body, in bytes. */
  readonly bytes: number;
}

/** What goes wrong with a request. */
export interface S3Trouble {
  /** Before anything else. */
  readonly delayMs?: number | undefined;
  /** This is answered. It was not carried out, unless `isCarriedOut`. */
  readonly error?: {
    readonly status: number;
    readonly code: string;
    readonly headers?: Readonly<Record<string, string>>;
    /** Further elements, in front of the message. */
    readonly elements?: string;
  };
  readonly isCarriedOut?: boolean | undefined;
  /** The connection ends without an answer. */
  readonly reset?: boolean | undefined;
  /** There is never an answer. */
  readonly hang?: boolean | undefined;
  /** Only so many bytes of the body are sent before the connection ends. */
  readonly cutAfter?: number | undefined;
  /** One bit of the body is another one. */
  readonly damage?: boolean | undefined;
  /** One bit of what came is another one. */
  readonly damageRequest?: boolean | undefined;
}

/** A request, whole. */
export interface Asked {
  readonly method: string;
  /** With its query, as it came. */
  readonly url: string;
  /** Of the bucket. */
  readonly name: string;
  readonly key: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Uint8Array;
}

/** A server that runs. */
export interface TroubledServer {
  /** Such as `http://127.0.0.1:40000`. */
  readonly endpoint: string;
  /** All requests so far. */
  readonly calls: readonly S3Call[];
  /** How many connections were made so far. */
  readonly connections: number;
  close(): Promise<void>;
}

/** What decides about a request: its answer, and what goes wrong with it. */
export interface TroubledBehaviour {
  answer(asked: Asked): S3Reply | Promise<S3Reply>;
  trouble(call: S3Call): S3Trouble | undefined;
}

/** Starts a server on a free port of 127.0.0.1. */
export async function startTroubledServer(behaviour: TroubledBehaviour): Promise<TroubledServer> {
  const server = createServer({ keepAliveTimeout: 2000 });
  const calls: S3Call[] = [];
  let connections = 0;
  server.on('connection', () => connections++);
  server.on('request', (request, response) => {
    void serve(request, response, behaviour, calls).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    get connections() {
      return connections;
    },
    close: () => closeServer(server),
  };
}

async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  behaviour: TroubledBehaviour,
  calls: S3Call[],
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  const { method = '', url = '', headers } = request;
  const path = decodeURIComponent(url.split('?', 1)[0] as string).slice(1);
  const slash = path.indexOf('/');
  const [name, key] = slash < 0 ? [path, ''] : [path.slice(0, slash), path.slice(slash + 1)];
  const call: S3Call = { index: calls.length, method, key, headers, bytes: body.length };
  calls.push(call);
  const trouble = behaviour.trouble(call) ?? {};
  if (trouble.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, trouble.delayMs).unref());
  if (trouble.hang === true) return;
  if (trouble.reset === true && trouble.isCarriedOut !== true) return void request.socket.destroy();
  if (trouble.damageRequest === true && body.length > 0) body[0] = (body[0] as number) ^ 1;
  const asked: Asked = { method, url, key, name, headers, body };
  if (trouble.error !== undefined) {
    if (trouble.isCarriedOut === true) await behaviour.answer(asked);
    return send(
      response,
      errorReply(trouble.error.status, trouble.error.code, trouble.error.headers, trouble.error.elements),
      method,
      {},
    );
  }
  const made = await behaviour.answer(asked);
  if (trouble.reset === true) return void request.socket.destroy();
  return send(response, made, method, trouble);
}

function send(response: ServerResponse, { status, headers, body }: S3Reply, method: string, trouble: S3Trouble): void {
  const isEmpty = method === 'HEAD' || status === 204;
  const bytes = Buffer.from(body);
  if (trouble.damage === true && bytes.length > 0) bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  response.writeHead(status, { ...(status === 204 ? {} : { 'content-length': bytes.length }), ...headers });
  if (isEmpty) return void response.end();
  if (trouble.cutAfter === undefined) return void response.end(bytes);
  response.write(bytes.subarray(0, trouble.cutAfter), () => response.destroy());
}
