/** Sockets by their descriptors: inherited from another process, or handed over from another thread. */
import { fstatSync } from 'node:fs';
import { Duplex } from 'node:stream';
import { type ByteChannel, type PeerDescription, UsageError } from '@nbdjs/interfaces';
import { duplicateDescriptor } from '@nbdjs/syscalls';
import { announced } from '../diagnostics.ts';
import { descriptorOf } from './handle.ts';
import { SocketChannel } from './socket-channel.ts';
import { StreamChannel } from './stream-channel.ts';

/** What `detachDescriptor` takes away from a thread: plain data, which can be sent to another one and given to `adoptDescriptor` there. */
export interface DetachedDescriptor {
  /** A descriptor of its own. The receiver has to adopt it or to close it. */
  readonly fd: number;
  /** The peer as the channel described it. */
  readonly peer: PeerDescription;
}

/**
 * Takes over a connected stream socket by its descriptor, which is closed with the channel.
 *
 * @throws UsageError when the descriptor is not a socket.
 */
export function adoptDescriptor(fd: number, peer?: PeerDescription): ByteChannel {
  try {
    // Some versions of Node crash at values that are no numbers.
    if (!Number.isSafeInteger(fd)) throw new RangeError('it is not a descriptor');
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
 * Standard input and output as one channel, for a server that its client has started. Both may be pipes. `end` ends both directions, when
 * all is written: output stays open as long as the process, so a client would never see the end of one direction alone.
 */
export function adoptStdio(): ByteChannel {
  const stream = Duplex.from({ readable: process.stdin, writable: process.stdout });
  const channel = new StreamChannel(stream, { name: 'standard input and output', transport: 'descriptor', tls: false });
  stream.once('finish', () => channel.destroy());
  // It is not read any more, but would keep the process alive as long as the client has its end open.
  void channel.closed.then(() => process.stdin.destroy());
  return announced(channel);
}

/**
 * Takes a socket away from this thread: returns a duplicate of its descriptor and closes our own, in one turn, so that no byte is read
 * here any more. The peer does not notice, and the channel's sink is not notified.
 *
 * Without the duplicate, two threads would own one descriptor, and closing it in one would close another file that has received the
 * same number meanwhile.
 *
 * @returns `undefined` when the channel is not a plain socket, when bytes are queued in it that the other thread would never see, or
 *   where descriptors cannot be duplicated. The channel is then as it was.
 */
export function detachDescriptor(channel: ByteChannel): DetachedDescriptor | undefined {
  if (!(channel instanceof SocketChannel) || !channel.isEmpty) return undefined;
  const own = descriptorOf(channel.stream);
  const fd = own === undefined ? undefined : duplicateDescriptor(own);
  if (fd === undefined) return undefined;
  channel.abandon();
  return { fd, peer: channel.peer };
}
