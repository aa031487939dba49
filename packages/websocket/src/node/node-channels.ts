/** The two kinds of channels that Node makes of a connection after HTTP: with the frames of a WebSocket, and bare. */
import type { Duplex } from 'node:stream';
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import { adoptUpgraded } from '@nbdjs/transport';
import { FrameChannel } from '../channel/frame-channel.ts';
import type { SocketSettings } from './channel-options.ts';
import { announced } from './diagnostics.ts';
import { Framing } from './framing.ts';

/** A connection after its last message of HTTP. */
export interface Upgraded {
  readonly stream: Duplex;
  /** Bytes that came together with that message. */
  readonly head: Uint8Array;
  readonly peer: PeerDescription;
}

/** Makes a channel of a WebSocket. */
export function adoptWebSocket(
  { stream, head, peer }: Upgraded,
  role: 'server' | 'client',
  settings: SocketSettings,
): ByteChannel {
  const lower = adoptUpgraded(stream, head, peer);
  const framing = { ...settings, role, hasRandomMask: !peer.tls };
  // The system has the peer wait while the channel is paused, so hardly more than one delivery of it waits here.
  return announced(new FrameChannel(peer, (events) => new Framing(lower, events, framing), Number.POSITIVE_INFINITY));
}

/** Makes a channel of the bare connection. */
export function adoptUpgrade({ stream, head, peer }: Upgraded): ByteChannel {
  return announced(adoptUpgraded(stream, head, peer));
}
