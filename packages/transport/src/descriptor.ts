/** Sockets as numbers: inherited from another process, or handed over from another thread. */
import { fstatSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { type ByteChannel, type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { announced } from './diagnostics.ts';
import { descriptorOf } from './handle.ts';
import { SocketChannel } from './socket-channel.ts';
import { StreamChannel } from './stream-channel.ts';

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
    // Some versions of Node crash at whatever is no number at all.
    if (!Number.isSafeInteger(fd)) throw new RangeError('it is no number of a descriptor');
    // Node would take a pipe, too, and fail with the first byte in the direction that it does not have.
    if (fstatSync(fd).isSocket()) {
      const described = peer ?? { name: `descriptor ${fd}`, transport: 'descriptor', tls: false };
      return announced(new SocketChannel({ fd }, described));
    }
  } catch (cause) {
    throw new UsageError('ERR_NBD_ARGUMENT', `descriptor ${String(fd)} is not a connected socket`, { cause });
  }
  throw new UsageError('ERR_NBD_ARGUMENT', `descriptor ${fd} is not a socket`);
}

/**
 * Standard input and output together, for a server that its client has started. Pipes will do. Its `end` is the end of both directions,
 * when all is written: output stays open as long as the process, so a client that waits for us to go would never see half an end.
 */
export function adoptStdio(): ByteChannel {
  const stream = Duplex.from({ readable: process.stdin, writable: process.stdout });
  const channel = new StreamChannel(stream, { name: 'standard input and output', transport: 'descriptor', tls: false });
  stream.once('finish', () => channel.destroy());
  // Nobody reads it any more, but it would keep the process as long as the client has its end.
  void channel.closed.then(() => process.stdin.destroy());
  return announced(channel);
}

/**
 * Parts a socket from this thread: gives a duplicate of its descriptor and closes our own, all in one turn, so that no
 * byte is read here any more. The peer notices nothing, and the channel's sink is told nothing.
 *
 * Without the duplicate, two threads would own one number, and the tear-down of one would close whatever file has
 * received that number meanwhile.
 *
 * @returns nothing when the channel is not a plain socket, when bytes are queued in it that the other thread would never
 *   see, or where duplicating is not available. The channel is then as it was.
 */
export function detachDescriptor(channel: ByteChannel): DetachedDescriptor | undefined {
  if (!(channel instanceof SocketChannel) || !channel.isEmpty) return undefined;
  const own = descriptorOf(channel.stream);
  const fd = own === undefined ? undefined : duplicateDescriptor(own);
  if (fd === undefined) return undefined;
  channel.abandon();
  return { fd, peer: channel.peer };
}
