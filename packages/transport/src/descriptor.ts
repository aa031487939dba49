/** Sockets as numbers: inherited from another process, or handed over from another thread. */
import { type ByteChannel, type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { SocketChannel } from './socket-channel.ts';

export interface DetachedDescriptor {
  /** A descriptor of its own; whoever holds the number has to adopt or to close it. */
  readonly fd: number;
  readonly peer: PeerDescription;
}

/**
 * Takes over a connected stream socket by its number; it is closed with the channel.
 *
 * @throws UsageError when the descriptor is not a socket.
 */
export function adoptDescriptor(fd: number, peer?: PeerDescription): ByteChannel {
  try {
    return new SocketChannel({ fd }, peer ?? { name: `descriptor ${fd}`, transport: 'descriptor', tls: false });
  } catch (cause) {
    throw new UsageError('ERR_NBD_ARGUMENT', `descriptor ${fd} is not a connected socket`, { cause });
  }
}

/**
 * Parts a socket from this thread: gives a duplicate of its descriptor and closes our own, all in one turn, so that no
 * byte is read here any more. The peer notices nothing, and the channel's sink is told nothing.
 *
 * Without the duplicate, two threads would own one number, and the tear-down of one would close whatever file has
 * received that number meanwhile.
 *
 * @returns nothing when the channel is not a plain socket, or duplicating is not available.
 */
export function detachDescriptor(channel: ByteChannel): DetachedDescriptor | undefined {
  if (!(channel instanceof SocketChannel)) return undefined;
  const { _handle: handle } = channel.stream as unknown as { readonly _handle: { readonly fd?: number } | null };
  if (typeof handle?.fd !== 'number' || handle.fd < 0) return undefined;
  const fd = duplicateDescriptor(handle.fd);
  if (fd === undefined) return undefined;
  channel.abandon();
  return { fd, peer: channel.peer };
}
