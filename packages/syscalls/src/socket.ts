/** Sockets: pairs, the size of the send buffer, and the user at the other end. */
import type { PeerUser } from '@nbdjs/interfaces';
import { native } from './native.ts';
import { systemError } from './system-error.ts';

const AF_UNIX = 1;
const SOCK_STREAM = 1;
/** Also closed in child processes. */
const SOCK_CLOEXEC = 0o2_000_000;

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;
const SO_PEERCRED = 17;
/** struct ucred: three numbers of 32 bits. */
const credentialsBytes = 12;

/**
 * Makes two stream sockets that are connected to each other (`socketpair`, `AF_UNIX`). The descriptors belong to the caller.
 *
 * @returns `undefined` without native calls.
 * @throws a system error, for instance when the process has too many descriptors open.
 */
export function socketPair(): readonly [number, number] | undefined {
  const functions = native();
  if (functions === undefined) return undefined;
  const pair = new Int32Array(2);
  if (functions.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) !== 0) {
    throw systemError('socketpair', functions.errno());
  }
  const [one = -1, other = -1] = pair;
  return [one, other];
}

/**
 * Lets the kernel accept up to `byteCount` bytes for this socket before the peer has read them, or as many as the system's
 * administrator allows. Without native calls, the socket stays as it was.
 */
export function setSendBuffer(fd: number, byteCount: number): void {
  const functions = native();
  if (functions === undefined) return;
  const value = Buffer.alloc(4);
  value.writeInt32LE(byteCount);
  functions.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, value.length);
}

/** Returns the user and process at the other end of a Unix socket, or `undefined` where the system does not report them. */
export function peerUser(fd: number): PeerUser | undefined {
  const functions = native();
  if (functions === undefined) return undefined;
  const credentials = new Int32Array(credentialsBytes / 4);
  const length = new Uint32Array([credentialsBytes]);
  if (functions.getsockopt(fd, SOL_SOCKET, SO_PEERCRED, credentials, length) !== 0) return undefined;
  const [pid = 0, uid = -1, gid = -1] = credentials;
  // The process id 0 means that there is no peer.
  return pid === 0 || uid === -1 ? undefined : { pid, uid: uid >>> 0, gid: gid >>> 0 };
}
