/** Connections on which another protocol was spoken before, such as HTTP. */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import { announced } from '../diagnostics.ts';
import { adoptStream } from './adopt-stream.ts';
import { adoptSocket } from './socket-channel.ts';

/** A silent peer is asked whether it is still there (TCP keep-alive) after this long, in milliseconds. */
const keepAliveMs = 60_000;

/**
 * Makes a channel of a connection after a protocol that has led to it, such as HTTP with its answer 101. The stream belongs to the channel.
 * A plain socket of Node's hands its connection over, so that bytes land in the memory of the sink; the socket itself is closed then.
 *
 * @param head Bytes that came together with the end of that protocol, and belong to what follows.
 */
export function adoptUpgraded(stream: Duplex, head: Uint8Array, peer: PeerDescription): ByteChannel {
  if (isPlain(stream)) {
    stream.setKeepAlive(true, keepAliveMs);
    const rest = stream.readableLength > 0 ? (stream.read() as Uint8Array | null) : null;
    const channel = adoptSocket(stream, peer);
    if (channel !== undefined) {
      stream.on('error', () => {});
      stream.destroy();
      for (const bytes of [head, rest ?? new Uint8Array(0)]) if (bytes.length > 0) channel.receiveFirst(bytes);
      return announced(channel);
    }
  }
  if (head.length > 0) stream.unshift(head);
  return adoptStream(stream, peer);
}

/** Whether nothing but the kernel lies below, and nothing waits to be sent. */
function isPlain(stream: Duplex): stream is Socket {
  return (
    stream instanceof Socket &&
    !('encrypted' in stream) &&
    stream.writableLength === 0 &&
    !stream.connecting &&
    !stream.destroyed &&
    !stream.readableEnded
  );
}
