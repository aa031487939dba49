/** A server of HTTP or HTTPS that does nothing but take channels. */
import { createServer as createHttp, type Server as HttpServer } from 'node:http';
import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { getSystemErrorMap } from 'node:util';
import {
  type AddressOf,
  type ByteChannel,
  ConnectError,
  type Listener,
  type ListenTarget,
  UsageError,
} from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { attachWebOptions, type WebRequest } from './attach-options.ts';
import { attachWeb } from './attach-web.ts';

/** Where `listenWeb` can listen. */
export type WebListenTarget = Extract<ListenTarget, { readonly type: 'tcp' | 'unix' }>;

/** The options of `listenWeb` as data. */
export const listenWebOptions = defineOptions({
  /** TLS as for `createServer` of `node:https`: `cert`, `key` and so on. Clients use `wss:` and `https:` then. @default none */
  tls: option.object<TlsOptions>({
    doc: 'TLS as for `createServer` of `node:https`: `cert`, `key` and so on. Clients use `wss:` and `https:` then.',
    defaultText: 'none',
  }),
  /** Connections at a time, those that are not channels yet included; further ones are closed. @default 2048 */
  socketsMax: option.count({
    default: 2048,
    doc: 'Connections at a time, those that are not channels yet included; further ones are closed.',
  }),
  /** Milliseconds that a client may take for its request. @default 10000 */
  requestMs: option.wholeMilliseconds({ default: 10_000, doc: 'How long a client may take for its request.' }),
  ...attachWebOptions.definitions,
});

/** The options of `listenWeb`. */
export interface ListenWebOptions extends OptionsOf<typeof listenWebOptions> {}

/** A place where clients connect by WebSocket and HTTP Upgrade. */
export interface WebListener<A extends Listener['address'] = Listener['address']> extends Listener<A> {
  /** For clients by WebSocket; empty for a Unix socket. */
  readonly url: string;
  /** Takes no more clients, and cuts off those that are not channels yet. The channels stay open. */
  close(): Promise<void>;
  /** Uses other certificates for clients that connect from now on. @throws UsageError where there is no TLS. */
  setSecureContext(context: SecureContextOptions): void;
}

/**
 * Listens, and gives each client to `onChannel`. Requests that want no channel are answered with the status 426.
 *
 * @throws UsageError when an option or the address is wrong, ConnectError when the address is in use or not one of this machine.
 */
export async function listenWeb<T extends WebListenTarget>(
  target: T,
  onChannel: (channel: ByteChannel, request: WebRequest) => void,
  options: ListenWebOptions = {},
): Promise<WebListener<AddressOf<T>>> {
  const { tls, socketsMax, requestMs, ...attached } = listenWebOptions.resolve('listenWeb', options);
  const limits = { headersTimeout: requestMs, requestTimeout: requestMs, connectionsCheckingInterval: requestMs };
  const server = tls === undefined ? createHttp(limits) : createHttps({ ...limits, ...tls });
  server.maxConnections = socketsMax;
  server.on('request', (request, response) => {
    request.resume();
    response.writeHead(426, { Upgrade: 'websocket', Connection: 'close', 'Content-Type': 'text/plain; charset=utf-8' });
    response.end('This is a server of NBD, for clients by WebSocket or HTTP Upgrade.\n');
  });
  const attachment = attachWeb(server, attached, onChannel);
  try {
    await startListening(server, target);
  } catch (error) {
    attachment.close();
    throw listenError(target, error as NodeJS.ErrnoException);
  }
  const address = addressOf(server, target) as AddressOf<T>;
  return {
    address,
    url: urlOf(address, tls !== undefined, attached.path),
    setSecureContext(context) {
      if (!('setSecureContext' in server)) throw new UsageError('ERR_NBD_STATE', 'this listener has no TLS');
      server.setSecureContext(context);
    },
    async close() {
      attachment.close();
      server.close();
      // This leaves alone what has become a channel.
      server.closeAllConnections();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function startListening(server: HttpServer | HttpsServer, target: WebListenTarget): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const done = (): void => {
      server.off('error', reject);
      // One connection is lost, and the server listens on.
      server.on('error', () => {});
      resolve();
    };
    if (target.type === 'unix') server.listen({ path: target.path }, done);
    else server.listen({ port: target.port, ...(target.host === undefined ? {} : { host: target.host }) }, done);
  });
}

function addressOf(server: HttpServer | HttpsServer, target: WebListenTarget): Listener['address'] {
  const address = server.address();
  if (target.type === 'unix' || address === null || typeof address === 'string') {
    return { type: 'unix', path: target.type === 'unix' ? target.path : String(address) };
  }
  return { type: 'tcp', host: address.address, port: address.port };
}

function urlOf(address: Listener['address'], isSecure: boolean, path: string): string {
  if (address.type !== 'tcp') return '';
  // "All addresses" is nothing that a client can connect to.
  const host = address.host === '::' || address.host === '0.0.0.0' ? 'localhost' : address.host;
  const name = host.includes(':') ? `[${host}]` : host;
  return `${isSecure ? 'wss' : 'ws'}://${name}:${address.port}${path.replace(/\*$/, '')}`;
}

function listenError(target: WebListenTarget, cause: NodeJS.ErrnoException): ConnectError {
  const host = target.type === 'tcp' ? (target.host ?? '*') : '';
  const place = target.type === 'unix' ? target.path : `${host.includes(':') ? `[${host}]` : host}:${target.port}`;
  const why = getSystemErrorMap().get(cause.errno ?? 0)?.[1] ?? cause.message;
  return new ConnectError('ERR_NBD_CONNECT', `cannot listen on ${place}: ${why}`, { cause });
}
