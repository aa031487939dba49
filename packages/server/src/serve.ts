/** A server and the place where it listens, in one. */
import {
  type AddressOf,
  type ByteChannel,
  type Listen,
  type ListenAddress,
  type ListenTarget,
  UsageError,
} from '@nbdjs/interfaces';
import { formatUri } from '@nbdjs/protocol';
import { createServer } from './create-server.ts';
import { type Exported, exportedBy } from './exports/export-table.ts';
import type { Server } from './server.ts';
import type { ServerOptions } from './server-options.ts';
import type { ThreadedServerOptions } from './threads/thread-options.ts';
import { createThreadedServer, type ThreadedServer } from './threads/threaded-server.ts';

/** The options of a server, and how it listens. */
export interface ServeOptions extends ServerOptions {
  /** How to listen: `listen` of `@nbdjs/transport`, for instance. */
  readonly listen: Listen;
  /** Absent: all sessions run in this thread. */
  readonly threads?: undefined;
}

/** The options of a server with threads, and how it listens. */
export interface ThreadedServeOptions extends ThreadedServerOptions {
  /** How to listen: `listen` of `@nbdjs/transport`, for instance. */
  readonly listen: Listen;
}

/** A server that listens. */
export interface Serving<A extends ListenAddress = ListenAddress, S = Server> {
  /** For the clients: the server's URI, with the export's name where a table has one export only. Empty for a descriptor. */
  readonly uri: string;
  /** Where it listens, with TCP the port that was chosen. */
  readonly address: A;
  /** The server: its clients, their statistics, and `reloadTls`. */
  readonly server: S;
  /** Takes no more clients, then closes the server in good order. The devices belong to the caller. */
  close(): Promise<void>;
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** A server with threads that listens. `close` has the threads close their devices. */
export interface ThreadedServing<A extends ListenAddress = ListenAddress> extends Serving<A, ThreadedServer> {}

/**
 * Makes a server and has it listen. With `threads`, its sessions run in other threads.
 *
 * @throws UsageError when an option is wrong, ConnectError when the address is in use or cannot be had; with `threads`, also what
 *   `createThreadedServer` throws.
 */
export async function serve<T extends ListenTarget>(target: T, options: ServeOptions): Promise<Serving<AddressOf<T>>>;
export async function serve<T extends ListenTarget>(
  target: T,
  options: ThreadedServeOptions,
): Promise<ThreadedServing<AddressOf<T>>>;
export async function serve<T extends ListenTarget>(
  target: T,
  options: ServeOptions | ThreadedServeOptions,
): Promise<Serving<AddressOf<T>, Server | ThreadedServer>> {
  const { listen, ...given } = options;
  if (typeof listen !== 'function') {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      'serve: listen is missing, expected a function, such as that of @nbdjs/transport',
    );
  }
  const { server, exported } = isThreaded(given) ? await startThreads(given) : start(given as ServerOptions);
  try {
    return await listening(target, listen, { server, exported, hasRules: options.access !== undefined });
  } catch (error) {
    await server.destroy();
    throw error;
  }
}

interface Started<S extends Server | ThreadedServer> {
  readonly server: S;
  readonly exported: Exported;
}

function isThreaded(options: object): options is ThreadedServerOptions {
  return 'threads' in options && options.threads !== undefined;
}

function start(options: ServerOptions): Started<Server> {
  const server = createServer(options);
  return { server, exported: exportedBy(options.exports, options.tls) };
}

async function startThreads(options: ThreadedServerOptions): Promise<Started<ThreadedServer>> {
  const server = await createThreadedServer(options);
  return { server, exported: server.exported };
}

async function listening<T extends ListenTarget, S extends Server | ThreadedServer>(
  target: T,
  listen: Listen,
  { server, exported, hasRules }: Started<S> & { readonly hasRules: boolean },
): Promise<Serving<AddressOf<T>, S>> {
  // Rules about users can only be checked where the listener looks them up.
  const take = (channel: ByteChannel): void => void server.accept(channel);
  const listener = await listen(target, take, { users: hasRules });
  const close = async () => {
    await listener.close();
    await server.close();
  };
  return {
    uri: uriOf(listener.address, exported),
    address: listener.address,
    server,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function uriOf(address: ListenAddress, { names, tlsMode }: Exported): string {
  if (address.type === 'descriptor') return '';
  const exportName = names?.length === 1 && names[0] !== undefined ? names[0] : '';
  const uri = { exportName, tlsRequired: tlsMode === 'require', tls: {}, extensions: {} };
  if (address.type === 'unix') return formatUri({ ...uri, address: { transport: 'unix', path: address.path } });
  // "All addresses" is nothing that a client can connect to.
  const host = address.host === '::' || address.host === '0.0.0.0' ? 'localhost' : address.host;
  return formatUri({ ...uri, address: { transport: 'tcp', host, port: address.port } });
}
