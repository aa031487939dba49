/** Addresses to connect to in one form, checked, described and connected to. */
import { type ByteChannel, UsageError } from '@nbdjs/interfaces';
import { adoptDescriptor } from '../channels/descriptor.ts';
import { type CommandOpenerOptions, SharedProgram } from '../commands/command-opener.ts';
import { checkPlace, type PlaceChecks, placeChecks } from '../places.ts';
import { type ConnectOptions, connectTcp, connectUnix } from './connect.ts';

/** Where to connect to, as plain data that can cross threads. */
export type Endpoint =
  /** A TCP port (1 to 65535) of a host, which is a name or an address. `family`: only addresses of this family are tried. */
  | { readonly type: 'tcp'; readonly host: string; readonly port: number; readonly family?: 4 | 6 | undefined }
  /** A Unix socket by its path, of 107 bytes at most. A leading NUL means a name in Linux's abstract namespace. */
  | { readonly type: 'unix'; readonly path: string }
  /** A vsock socket, by the context id of a virtual machine and a port. NBD URIs can name one; Node cannot connect to it. */
  | { readonly type: 'vsock'; readonly cid: number; readonly port: number }
  /** A program and its arguments, started for one connection, and how it is started. */
  | (CommandOpenerOptions & { readonly type: 'command' })
  /** A connected socket of this process, by its descriptor, which is closed with the channel. */
  | { readonly type: 'descriptor'; readonly fd: number };

const { boolean, command, env, family, mode, number, stderr, text, whole } = placeChecks;
const ofEndpoint: PlaceChecks<Endpoint> = {
  tcp: { host: text, port: number, family },
  unix: { path: text },
  vsock: { cid: whole, port: number },
  command: { command, mode, env, cwd: text, stderr, processGroup: boolean },
  descriptor: { fd: whole },
};

/**
 * Checks the form of an endpoint, for callers without a compiler. Whether it can be connected to is not looked at.
 *
 * @throws UsageError `ERR_NBD_ARGUMENT` naming what is unknown, missing or of the wrong kind.
 */
export function checkEndpoint(endpoint: Endpoint): void {
  checkPlace('the endpoint', endpoint, ofEndpoint, ['cwd', 'env', 'family', 'processGroup', 'stderr']);
}

/** Returns an endpoint in one word, for messages. */
export function describeEndpoint(endpoint: Endpoint): string {
  switch (endpoint.type) {
    case 'tcp':
      return `${endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host}:${endpoint.port}`;
    case 'unix':
      return endpoint.path.startsWith('\0') ? `@${endpoint.path.slice(1)}` : endpoint.path;
    case 'vsock':
      return `vsock ${endpoint.cid}:${endpoint.port}`;
    case 'command':
      return `[ ${endpoint.command.join(' ')} ]`;
    case 'descriptor':
      return `descriptor ${endpoint.fd}`;
  }
}

/**
 * Connects to an endpoint. A command is started for this one connection and ends with it.
 *
 * @throws ConnectError, TimeoutError, UsageError, or the signal's reason.
 */
export async function connectEndpoint(endpoint: Endpoint, options: ConnectOptions = {}): Promise<ByteChannel> {
  checkEndpoint(endpoint);
  switch (endpoint.type) {
    case 'tcp':
      return connectTcp(endpoint, options);
    case 'unix':
      return connectUnix(endpoint.path, options);
    case 'descriptor':
      return adoptDescriptor(endpoint.fd);
    case 'vsock':
      throw new UsageError('ERR_NBD_NOT_SUPPORTED', 'vsock sockets are not available in Node.js');
    case 'command':
      return new SharedProgram(endpoint).connect(options);
  }
}
