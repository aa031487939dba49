/** The two kinds of channels that Node makes of a request: a WebSocket, and the bare connection after HTTP Upgrade. */
import type { Duplex } from 'node:stream';
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import { adoptStream } from '@nbdjs/transport';
import type { WebSocket } from 'ws';
import { FrameChannel } from '../channel/frame-channel.ts';
import type { SocketSettings } from './channel-options.ts';
import { announced } from './diagnostics.ts';
import { WsFrameSocket } from './ws-frame-socket.ts';

/**
 * Makes a channel of a WebSocket that has just been opened.
 *
 * @param stream what the WebSocket writes to.
 */
export function adoptWebSocket(
  socket: WebSocket,
  stream: Duplex,
  peer: PeerDescription,
  settings: SocketSettings,
): ByteChannel {
  // The system has the peer wait while the channel is paused, so hardly more than one delivery of it waits here.
  return announced(
    new FrameChannel(peer, (events) => new WsFrameSocket(socket, stream, events, settings), Number.POSITIVE_INFINITY),
  );
}

/** Makes a channel of a connection after HTTP Upgrade. `head`: what came together with the upgrade. */
export function adoptUpgrade(stream: Duplex, head: Uint8Array, peer: PeerDescription): ByteChannel {
  if (head.length > 0) stream.unshift(head);
  return announced(adoptStream(stream, peer));
}
