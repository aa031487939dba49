/** Where the server of the suite listens. The same shape as an endpoint of `@nbdjs/transport`. */
import type { AddressInfo, Server } from 'node:net';

/** Where the server of the suite listens: a host and a port from 0 to 65535, or the path of a Unix socket. */
export type SocketAddress =
  /** A host, and a port from 0 to 65535. */
  | { readonly type: 'tcp'; readonly host: string; readonly port: number }
  /** The path of a socket file. */
  | { readonly type: 'unix'; readonly path: string };

/** Listens. Port 0 means any free port; the returned address has the real one. */
export function listenAt(server: Server, address: SocketAddress): Promise<SocketAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(address.type === 'tcp' ? { host: address.host, port: address.port } : { path: address.path }, () => {
      server.off('error', reject);
      resolve(address.type === 'tcp' ? { ...address, port: (server.address() as AddressInfo).port } : address);
    });
  });
}
