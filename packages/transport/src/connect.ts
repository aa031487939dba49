/** Connecting to a TCP port or a Unix socket. */
import { statSync } from 'node:fs';
import type { NetConnectOpts } from 'node:net';
import {
  type ByteChannel,
  ConnectError,
  type ConnectErrorCode,
  limits,
  type PeerDescription,
  TimeoutError,
  UsageError,
} from '@nbdjs/interfaces';
import { announceConnect, announced } from './diagnostics.ts';
import { SocketChannel } from './socket-channel.ts';
import { requireUnixPath } from './unix-path.ts';

export interface ConnectOptions {
  readonly signal?: AbortSignal | undefined;
  /** @default 30000 */
  readonly connectTimeoutMs?: number | undefined;
  /** What to call the peer. @default its address */
  readonly peer?: PeerDescription | undefined;
}

export interface TcpAddress {
  /** A name or an address. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** Only addresses of this family. @default both */
  readonly family?: 4 | 6 | undefined;
}

/**
 * One of several addresses is given up for the next after this long; the last has as long as the whole attempt. Node's
 * own default of 250 ms gives up peers that are merely far away.
 */
const nextAddressMs = 1000;

/**
 * Connects by TCP. The host's addresses of both families are tried in turn, a silent one not for long (in the manner of
 * RFC 8305). Small packets are sent at once (checklist G3).
 *
 * @throws UsageError for an impossible address, ConnectError, TimeoutError, or the signal's reason.
 */
export async function connectTcp(address: TcpAddress, options: ConnectOptions = {}): Promise<ByteChannel> {
  const { host, port, family = 0 } = address;
  if (host === '') throw new UsageError('ERR_NBD_ARGUMENT', 'the host to connect to is empty');
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new UsageError('ERR_NBD_ARGUMENT', `the port to connect to must be 1 to 65535, got ${port}`);
  }
  const name = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const several = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: nextAddressMs };
  const how = { host, port, family, noDelay: true, ...several };
  return connect(how, options.peer ?? { name, transport: 'tcp', tls: false }, options);
}

/**
 * Connects to a Unix socket; a path that begins with NUL is a name in Linux's abstract namespace.
 *
 * @throws UsageError for a path that cannot be one, ConnectError, TimeoutError, or the signal's reason.
 */
export async function connectUnix(path: string, options: ConnectOptions = {}): Promise<ByteChannel> {
  requireUnixPath(path);
  const name = path.startsWith('\0') ? `@${path.slice(1)}` : path;
  return connect({ path }, options.peer ?? { name, transport: 'unix', tls: false }, options);
}

function connect(how: NetConnectOpts, peer: PeerDescription, options: ConnectOptions): Promise<SocketChannel> {
  const { signal, connectTimeoutMs = limits.connectMs } = options;
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const channel = new SocketChannel({}, peer);
    const { stream: socket } = channel;
    const fail = (error: unknown): void => {
      finish();
      channel.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal?.reason);
    const onError = (error: Error): void => fail(connectError(error, peer, how));
    const onClose = (): void => fail(connectError(new Error('the socket was closed'), peer, how));
    const onConnect = (): void => {
      finish();
      resolve(announced(channel));
    };
    const timer = setTimeout(() => {
      fail(new TimeoutError('connect', `cannot connect to ${peer.name}: no answer within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('error', onError).off('close', onClose).off('connect', onConnect);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError).on('close', onClose).on('connect', onConnect);
    announceConnect(peer);
    socket.connect(how);
  });
}

const reasons: Readonly<Record<string, readonly [ConnectErrorCode, string]>> = {
  ENOTFOUND: ['ERR_NBD_HOST_NOT_FOUND', 'there is no host of this name'],
  EAI_AGAIN: ['ERR_NBD_HOST_NOT_FOUND', 'the host name cannot be looked up at the moment'],
  ECONNREFUSED: ['ERR_NBD_REFUSED', 'connection refused'],
  ECONNRESET: ['ERR_NBD_CONNECT', 'connection reset'],
  EHOSTUNREACH: ['ERR_NBD_CONNECT', 'the host cannot be reached'],
  ENETUNREACH: ['ERR_NBD_CONNECT', 'the network cannot be reached'],
  ETIMEDOUT: ['ERR_NBD_CONNECT', 'no answer'],
  ENOENT: ['ERR_NBD_CONNECT', 'there is no such socket'],
  ENOTDIR: ['ERR_NBD_CONNECT', 'there is no such socket'],
  EACCES: ['ERR_NBD_CONNECT', 'permission denied'],
  EPROTOTYPE: ['ERR_NBD_CONNECT', 'it is not a stream socket'],
};

/** Says in one line what could not be reached, and why. */
function connectError(error: NodeJS.ErrnoException, peer: PeerDescription, how: NetConnectOpts): ConnectError {
  const attempts: readonly AttemptError[] = error instanceof AggregateError ? error.errors : [error];
  // A refusal tells most: somebody is there.
  const telling = attempts.find((attempt) => attempt.code === 'ECONNREFUSED') ?? attempts[0] ?? error;
  const [code, text] = reasons[telling.code ?? ''] ?? ['ERR_NBD_CONNECT' as const, telling.message];
  const subject = `cannot connect to ${peer.name}`;
  // The system does not tell a file that is no socket from a socket without a listener.
  if ('path' in how && telling.code === 'ECONNREFUSED' && !isSocket(how.path)) {
    return new ConnectError('ERR_NBD_CONNECT', `${subject}: it is not a socket`, { cause: error });
  }
  const addresses = attempts.length > 1 ? attempts.flatMap(({ address }) => address ?? []) : [];
  const tried = addresses.length > 0 ? ` (tried ${addresses.join(', ')})` : '';
  return new ConnectError(code, `${subject}: ${text}${tried}`, { cause: error });
}

/** What Node says about one of several addresses. */
interface AttemptError extends NodeJS.ErrnoException {
  readonly address?: string;
}

function isSocket(path: string): boolean {
  // Names in the abstract namespace have no file.
  return path.startsWith('\0') || (statSync(path, { throwIfNoEntry: false })?.isSocket() ?? true);
}
