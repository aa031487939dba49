/** A server of HTTP or HTTPS that does nothing but take channels. */
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { SecureContextOptions, TlsOptions } from 'node:tls';
import { type AddressOf, type ByteChannel, type Listener, type ListenTarget, UsageError } from '@nbdjs/interfaces';
import { defineOptions, type OptionsOf, option } from '@nbdjs/kit';
import { describeEndpoint, type StartedServer, startServer } from '@nbdjs/transport';
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
  let started: StartedServer;
  try {
    started = await startServer(server, target);
  } catch (error) {
    attachment.close();
    throw error;
  }
  // One connection is lost, and the server listens on.
  server.on('error', () => {});
  const address = started.address as AddressOf<T>;
  return {
    address,
    url: urlOf(address, tls !== undefined, attached.path),
    setSecureContext(context) {
      if (!('setSecureContext' in server)) throw new UsageError('ERR_NBD_STATE', 'this listener has no TLS');
      server.setSecureContext(context);
    },
    async close() {
      attachment.close();
      started.removeFile();
      server.close();
      // This leaves alone what has become a channel.
      server.closeAllConnections();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function urlOf(address: Listener['address'], isSecure: boolean, path: string): string {
  if (address.type !== 'tcp') return '';
  // "All addresses" is nothing that a client can connect to.
  const host = address.host === '::' || address.host === '0.0.0.0' ? 'localhost' : address.host;
  const place = describeEndpoint({ ...address, host });
  return `${isSecure ? 'wss' : 'ws'}://${place}${path.replace(/\*$/, '')}`;
}
