/** Sockets: how much the kernel takes from a sender at a time. */
import { native } from './native.ts';

const SOL_SOCKET = 1;
const SO_SNDBUF = 7;

/**
 * Lets the kernel take up to `byteCount` bytes from this socket's owner before the peer has read them, or as much as the
 * system's administrator allows. Where it cannot be done, the socket stays as it was.
 */
export function setSendBuffer(fd: number, byteCount: number): void {
  const functions = native();
  if (functions === undefined) return;
  const value = Buffer.alloc(4);
  value.writeInt32LE(byteCount);
  functions.setsockopt(fd, SOL_SOCKET, SO_SNDBUF, value, value.length);
}
