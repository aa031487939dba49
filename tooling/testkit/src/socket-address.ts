/** Where test servers listen, in Node's words and as a URI. */
import type { AddressInfo, NetConnectOpts, Server } from 'node:net';
import type { SocketAddress } from '@nbdjs/conformance/connector';

/** The same in Node's words, to listen at and to connect to. */
export function nodeAddress(address: SocketAddress): NetConnectOpts {
  return address.type === 'tcp' ? { host: address.host, port: address.port } : { path: address.path };
}

/** Listens; port 0 means any free port; the returned address has the real one. */
export function listenAt(server: Server, address: SocketAddress): Promise<SocketAddress> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(nodeAddress(address), () => {
      server.off('error', reject);
      resolve(address.type === 'tcp' ? { ...address, port: (server.address() as AddressInfo).port } : address);
    });
  });
}

/** The URI of an export that is served there. */
export function uriAt(address: SocketAddress, exportName = ''): string {
  const name = encodeURIComponent(exportName);
  return address.type === 'tcp'
    ? `nbd://${address.host}:${address.port}/${name}`
    : `nbd+unix:///${name}?socket=${encodeURI(address.path)}`;
}
