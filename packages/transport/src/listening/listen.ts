/** Listening on TCP and Unix sockets, and on listening sockets that another process has opened. */
import { createServer, type Server, type Socket } from 'node:net';
import type { AddressOf, ByteChannel, Listener, ListenTarget, PeerDescription } from '@nbdjs/interfaces';
import { peerUser } from '@nbdjs/syscalls';
import { descriptorOf } from '../channels/handle.ts';
import { adoptSocket } from '../channels/socket-channel.ts';
import { announced } from '../diagnostics.ts';
import { ConnectionIntake } from './connection-intake.ts';
import { startServer } from './start-server.ts';

/** How many connections are taken, and what is found out about their peers. */
export interface ListenOptions {
  /** Connections that the kernel keeps until they are accepted. @default 511 */
  readonly backlog?: number | undefined;
  /** Find out the users of the peers of a Unix socket, where the system reports them; each costs a system call. @default false */
  readonly users?: boolean | undefined;
  /**
   * Connections at a time. The system keeps further ones waiting; where that is not possible (without the native calls of
   * `@nbdjs/syscalls`), they are accepted nevertheless. Meant for the limit of open files: Node silently closes connections that come when
   * it is reached. @default any number
   */
  readonly connectionsMax?: number | undefined;
  /** Called when `connectionsMax` is reached. `canWait`: the system keeps further connections waiting. */
  readonly onFull?: ((canWait: boolean) => void) | undefined;
}

/** A silent peer is asked whether it is still there (TCP keep-alive) after this long, in milliseconds. */
const keepAliveMs = 60_000;

/**
 * Accepts connections and gives each to `onConnection`, as a channel that reads nothing before it is opened. A connection counts for
 * `connectionsMax` until the promise that `onConnection` returns has settled, or until its channel is closed.
 *
 * @throws ConnectError when the address is in use or not one of this machine, UsageError when it is no address, or too long for a Unix
 *   socket.
 */
export async function listen<T extends ListenTarget>(
  target: T,
  onConnection: (channel: ByteChannel) => void,
  options?: ListenOptions,
): Promise<Listener<AddressOf<T>>>;
export async function listen(
  target: ListenTarget,
  onConnection: (channel: ByteChannel) => void | Promise<void>,
  options: ListenOptions = {},
): Promise<Listener> {
  // A peer whose machine has failed is silent: only asking finds that out.
  const alive = { keepAlive: true, keepAliveInitialDelay: keepAliveMs };
  const how = { allowHalfOpen: true, noDelay: true, pauseOnConnect: true, ...alive };
  const server = createServer(how);
  const { backlog, connectionsMax, onFull } = options;
  const { address, removeFile } = await startServer(server, target, backlog);
  const ownName = address.type === 'unix' ? address.path : undefined;
  const take = (socket: Socket, from: Server): Promise<unknown> | undefined => {
    const adopted = adoptSocket(socket, describe(socket, from, ownName, options.users === true));
    if (adopted === undefined) return undefined;
    const channel = announced(adopted);
    return onConnection(channel) ?? channel.closed;
  };
  const intake = new ConnectionIntake(server, take, { server: how, backlog, connectionsMax, onFull });
  return {
    address,
    // Node would wait for connections that it has accepted, and that belong to our channels now.
    async close() {
      removeFile();
      intake.close();
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

function describe(socket: Socket, server: Server, ownName: string | undefined, asksForUsers: boolean): PeerDescription {
  const own = ownName ?? server.address();
  const { remoteAddress: address, remotePort } = socket;
  // Node has little information about an inherited listener, so its peers are examined.
  if (address === undefined && (own === null || typeof own === 'string')) {
    const fd = asksForUsers ? descriptorOf(socket) : undefined;
    const user = fd === undefined ? undefined : peerUser(fd);
    return { name: String(own ?? 'socket'), transport: 'unix', tls: false, ...(user === undefined ? {} : { user }) };
  }
  // A peer that has closed already has no address any more.
  if (address === undefined) return { name: 'unknown', transport: 'tcp', tls: false };
  const name = `${address.includes(':') ? `[${address}]` : address}:${remotePort}`;
  return { name, transport: 'tcp', tls: false, address };
}
