/** A server and the place where it listens, in one. */
import { type AddressOf, type Listen, type ListenAddress, type ListenTarget, UsageError } from '@nbdjs/interfaces';
import { formatUri } from '@nbdjs/protocol';
import { createServer, type Server } from './server.ts';
import type { ServerOptions } from './server-options.ts';

/** The options of a server, and how it listens. */
export interface ServeOptions extends ServerOptions {
  /** How to listen: `listen` of `@nbdjs/transport`, for instance. */
  readonly listen: Listen;
}

/** A server that listens. */
export interface Serving<A extends ListenAddress = ListenAddress> {
  /** For the clients: the server's URI, with the export's name where a table has one export only. Empty for a descriptor. */
  readonly uri: string;
  /** Where it listens, with TCP the port that was chosen. */
  readonly address: A;
  /** The server: its clients, their statistics, and `reloadTls`. */
  readonly server: Server;
  /** Takes no more clients, then closes the server in good order. The devices belong to the caller. */
  close(): Promise<void>;
  /** The same as `close`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Makes a server and has it listen.
 *
 * @throws UsageError when an option is wrong, ConnectError when the address is in use or cannot be had.
 */
export async function serve<T extends ListenTarget>(
  target: T,
  { listen, ...options }: ServeOptions,
): Promise<Serving<AddressOf<T>>> {
  if (typeof listen !== 'function') {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      'serve: listen is missing, expected a function, such as that of @nbdjs/transport',
    );
  }
  const server = createServer(options);
  // Rules about users can only be checked where the listener looks them up.
  const listener = await listen(target, (channel) => void server.accept(channel), {
    users: options.access !== undefined,
  });
  const close = async () => {
    await listener.close();
    await server.close();
  };
  return {
    uri: uriOf(listener.address, options),
    address: listener.address,
    server,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function uriOf(address: ListenAddress, { exports, tls }: ServerOptions): string {
  if (address.type === 'descriptor') return '';
  const names = typeof exports.open === 'function' ? [] : Object.keys(exports);
  const exportName = names.length === 1 && names[0] !== undefined ? names[0] : '';
  const uri = { exportName, tlsRequired: tls?.mode === 'require', tls: {}, extensions: {} };
  if (address.type === 'unix') return formatUri({ ...uri, address: { transport: 'unix', path: address.path } });
  // "All addresses" is nothing that a client can connect to.
  const host = address.host === '::' || address.host === '0.0.0.0' ? 'localhost' : address.host;
  return formatUri({ ...uri, address: { transport: 'tcp', host, port: address.port } });
}
