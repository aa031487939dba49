/** Connecting to a TCP port or a Unix socket. */
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
import { SocketChannel } from './socket-channel.ts';

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
  readonly port: number;
}

/** The longest path that fits into a socket's address, in bytes. */
const unixPathBytesMax = 107;

/**
 * Connects by TCP, trying the host's addresses of both families side by side (RFC 8305). Small packets are sent at once
 * (checklist G3).
 *
 * @throws ConnectError, TimeoutError, or the signal's reason.
 */
export function connectTcp(address: TcpAddress, options: ConnectOptions = {}): Promise<ByteChannel> {
  const { host, port } = address;
  const name = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const how = { host, port, noDelay: true, autoSelectFamily: true };
  return connect(how, options.peer ?? { name, transport: 'tcp', tls: false }, options);
}

/**
 * Connects to a Unix socket; a path that begins with NUL is a name in Linux's abstract namespace.
 *
 * @throws UsageError for a path that is too long, ConnectError, TimeoutError, or the signal's reason.
 */
export async function connectUnix(path: string, options: ConnectOptions = {}): Promise<ByteChannel> {
  const byteCount = Buffer.byteLength(path);
  if (byteCount > unixPathBytesMax) {
    throw new UsageError(
      'ERR_NBD_ARGUMENT',
      `the path of the Unix socket has ${byteCount} bytes, at most ${unixPathBytesMax} are possible: ${path}`,
    );
  }
  const name = path.startsWith('\0') ? `@${path.slice(1)}` : path;
  return connect({ path }, options.peer ?? { name, transport: 'unix', tls: false }, options);
}

function connect(how: NetConnectOpts, peer: PeerDescription, options: ConnectOptions): Promise<ByteChannel> {
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
    const onError = (error: Error): void => fail(connectError(error, peer));
    const onClose = (): void => fail(connectError(new Error('closed'), peer));
    const onConnect = (): void => {
      finish();
      resolve(channel);
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
  ENOTSOCK: ['ERR_NBD_CONNECT', 'it is not a socket'],
  EACCES: ['ERR_NBD_CONNECT', 'permission denied'],
  EPROTOTYPE: ['ERR_NBD_CONNECT', 'it is not a stream socket'],
};

/** Says in one line what could not be reached, and why. */
function connectError(error: NodeJS.ErrnoException, peer: PeerDescription): ConnectError {
  // With several addresses the first error tells as much as any.
  const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error;
  const isPlainFile = peer.transport === 'unix' && first.code === 'ECONNREFUSED';
  const [code, text] = reasons[first.code ?? ''] ?? ['ERR_NBD_CONNECT' as const, first.message];
  const why = isPlainFile ? `${text} (nobody listens there, or it is not a socket)` : text;
  return new ConnectError(code, `cannot connect to ${peer.name}: ${why}`, { cause: error });
}
