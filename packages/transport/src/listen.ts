/** Listening on TCP and Unix sockets, and on listening sockets that somebody else has opened. */
import { lstatSync, unlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { type ByteChannel, ConnectError, type PeerDescription } from '@nbdjs/interfaces';
import { peerUser } from '@nbdjs/syscalls';
import { announced } from './diagnostics.ts';
import { descriptorOf } from './handle.ts';
import { adoptSocket } from './socket-channel.ts';

/** Where to listen. */
export type ListenTarget =
  /** `host` absent: on all addresses. Port 0: any free one. */
  | { readonly type: 'tcp'; readonly host?: string | undefined; readonly port: number }
  /** The path is removed again at the end; one that a dead server has left behind is replaced. */
  | { readonly type: 'unix'; readonly path: string }
  /** A listening socket, by systemd's socket activation for instance. */
  | { readonly type: 'descriptor'; readonly fd: number };

/** Somebody who listens. */
export interface Listener {
  /** Where clients connect to, with TCP the port that was chosen; or the socket that was inherited and does not tell. */
  readonly address:
    | { readonly type: 'tcp'; readonly host: string; readonly port: number }
    | { readonly type: 'unix'; readonly path: string }
    | { readonly type: 'descriptor'; readonly fd: number };
  /** Takes no more connections; those that stand live on. */
  close(): Promise<void>;
}

export interface ListenOptions {
  /** Connections that the kernel keeps until they are taken. @default 511 */
  readonly backlog?: number | undefined;
  /** Find out who the peers of a Unix socket are, where the system tells; each costs a call. @default false */
  readonly users?: boolean | undefined;
}

/** Whether a peer that says nothing is still there is asked after this long, in milliseconds; what follows is the system's. */
const keepAliveMs = 60_000;

/**
 * Takes connections and gives each to `onConnection`, as a channel that reads nothing before it is opened.
 *
 * @throws ConnectError when the address is in use or not ours, UsageError when it is none.
 */
export async function listen(
  target: ListenTarget,
  onConnection: (channel: ByteChannel) => void,
  options: ListenOptions = {},
): Promise<Listener> {
  // A peer whose machine is gone says nothing: only asking finds it out.
  const alive = { keepAlive: true, keepAliveInitialDelay: keepAliveMs };
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true, ...alive });
  const { backlog } = options;
  if (target.type === 'unix') removeStale(target.path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(listenError(target, cause)));
    if (target.type === 'tcp') server.listen({ host: target.host, port: target.port, backlog }, resolve);
    else if (target.type === 'unix') server.listen({ path: target.path, backlog }, resolve);
    else server.listen({ fd: target.fd, backlog }, resolve);
  });
  server.removeAllListeners('error');
  // Out of descriptors, say: that connection is lost, and listening goes on.
  server.on('error', () => {});
  server.on('connection', (socket) => {
    const channel = adoptSocket(socket, describe(socket, server, options.users === true));
    if (channel !== undefined) onConnection(announced(channel));
  });
  return {
    address: addressOf(server, target),
    // Node would wait for connections that it has made, and which are no longer its own.
    async close() {
      server.close();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function addressOf(server: Server, target: ListenTarget): Listener['address'] {
  if (target.type === 'descriptor') return target;
  const address = server.address();
  if (target.type === 'unix' || address === null || typeof address === 'string') {
    return { type: 'unix', path: target.type === 'unix' ? target.path : String(address) };
  }
  return { type: 'tcp', host: address.address, port: address.port };
}

function describe(socket: Socket, server: Server, asksForUsers: boolean): PeerDescription {
  const own = server.address();
  const { remoteAddress: address, remotePort } = socket;
  // What Node knows of a listener that was inherited is little, so its peers are asked.
  if (address === undefined && (own === null || typeof own === 'string')) {
    const fd = asksForUsers ? descriptorOf(socket) : undefined;
    const user = fd === undefined ? undefined : peerUser(fd);
    return { name: String(own ?? 'socket'), transport: 'unix', tls: false, ...(user === undefined ? {} : { user }) };
  }
  // Whoever is gone already has no address any more.
  if (address === undefined) return { name: 'unknown', transport: 'tcp', tls: false };
  const name = `${address.includes(':') ? `[${address}]` : address}:${remotePort}`;
  return { name, transport: 'tcp', tls: false, address };
}

function removeStale(path: string): void {
  try {
    if (lstatSync(path).isSocket()) unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function listenError(target: ListenTarget, cause: Error): ConnectError {
  const place =
    target.type === 'tcp'
      ? `${target.host ?? '*'}:${target.port}`
      : target.type === 'unix'
        ? target.path
        : `descriptor ${target.fd}`;
  return new ConnectError('ERR_NBD_CONNECT', `cannot listen on ${place}: ${cause.message}`, { cause });
}
