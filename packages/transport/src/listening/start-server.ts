/** Makes a server of Node's listen at an address, be it one of `node:net`, `node:http` or `node:https`. */
import type { Server, ListenOptions as SystemListenOptions } from 'node:net';
import { getSystemErrorMap } from 'node:util';
import { ConnectError, type Listener, type ListenTarget } from '@nbdjs/interfaces';
import { describeEndpoint } from '../connecting/endpoint.ts';
import { checkPlace, type PlaceChecks, placeChecks } from '../places.ts';
import { requireUnixPath } from '../unix-path.ts';
import { SocketFile } from './socket-file.ts';

/** A server that listens. */
export interface StartedServer {
  /** Where it listens. */
  readonly address: Listener['address'];
  /** Removes the file of its Unix socket, if that is still its own. To be called before the server is closed. */
  removeFile(): void;
}

const { number, text, whole } = placeChecks;
const ofTarget: PlaceChecks<ListenTarget> = {
  tcp: { host: text, port: number },
  unix: { path: text },
  descriptor: { fd: whole },
};

/**
 * Starts a server that was made before. A Unix socket replaces the file of a server that is gone, never that of a living one.
 *
 * @param backlog Connections that the kernel keeps until they are accepted. By default 511.
 * @throws ConnectError when the address is in use or not one of this machine, UsageError when it is no address, or too long for a Unix
 *   socket.
 */
export async function startServer(server: Server, target: ListenTarget, backlog?: number): Promise<StartedServer> {
  checkPlace('the address to listen at', target, ofTarget, ['host']);
  if (target.type === 'unix') requireUnixPath(target.path);
  let file: SocketFile | undefined;
  try {
    if (target.type === 'tcp') await startListening(server, { host: target.host, port: target.port, backlog });
    else if (target.type === 'descriptor') await startListening(server, { fd: target.fd, backlog });
    else if (target.path.startsWith('\0')) await startListening(server, { path: target.path, backlog });
    else file = await SocketFile.listen(server, target.path, backlog);
  } catch (error) {
    throw listenError(target, error as NodeJS.ErrnoException);
  }
  return { address: addressOf(server, target), removeFile: () => file?.remove() };
}

function startListening(server: Server, options: SystemListenOptions & { fd?: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

function addressOf(server: Server, target: ListenTarget): Listener['address'] {
  if (target.type === 'descriptor') return target;
  const address = server.address();
  if (target.type === 'unix' || address === null || typeof address === 'string') {
    return { type: 'unix', path: target.type === 'unix' ? target.path : String(address) };
  }
  return { type: 'tcp', host: address.address, port: address.port };
}

function listenError(target: ListenTarget, cause: NodeJS.ErrnoException): ConnectError {
  const place = describeEndpoint(target.type === 'tcp' ? { ...target, host: target.host ?? '*' } : target);
  // Node's own text would name the place once more.
  const why = getSystemErrorMap().get(cause.errno ?? 0)?.[1] ?? cause.message;
  return new ConnectError('ERR_NBD_CONNECT', `cannot listen on ${place}: ${why}`, { cause });
}
