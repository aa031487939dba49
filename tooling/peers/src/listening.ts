/** Finds out whether a server listens at an address, without connecting to it. */
import { existsSync, readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';

export type Address = UnixAddress | TcpAddress;

export interface UnixAddress {
  readonly type: 'unix';
  /** As we see it. */
  readonly hostPath: string;
  /** As its server sees it. */
  readonly peerPath: string;
}

/** On 127.0.0.1, which is the same inside of a chroot. */
export interface TcpAddress {
  readonly type: 'tcp';
  readonly port: number;
}

/** Flag of a socket that listens, in the kernel's list of Unix sockets. */
const acceptsConnections = '00010000';
/** State of a socket that listens, in the kernel's list of TCP sockets. */
const listenState = '0A';

/**
 * Asks the kernel instead of connecting: a connection would be the one client that a server waits for, or at least an
 * entry in its log. That the socket's file exists is not enough, since it appears before the server listens.
 */
export function isListening(address: Address): boolean {
  if (address.type === 'tcp') return isPortListening(address.port);
  // Servers bind to the path that they see themselves, and that is the one which is listed.
  return existsSync(address.hostPath) && isPathListening(address.peerPath);
}

function isPathListening(path: string): boolean {
  return rowsOf('/proc/net/unix').some((row) => {
    const [, , , flags, , , , ...name] = row.split(/ +/);
    return flags === acceptsConnections && name.join(' ') === path;
  });
}

function isPortListening(port: number): boolean {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return rowsOf('/proc/net/tcp').some((row) => {
    const [, local, , state] = row.trim().split(/ +/);
    return state === listenState && local?.endsWith(ending) === true;
  });
}

function rowsOf(file: string): readonly string[] {
  return readFileSync(file, 'utf8').split('\n').slice(1);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
