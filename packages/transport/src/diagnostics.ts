/** Events of channels, on Node's diagnostics channels `nbdjs:transport:<type>`. */
import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import type { ByteChannel, CloseReason, PeerDescription, TlsPeer } from '@nbdjs/interfaces';

/** A message on the channel `nbdjs:transport:<type>`. */
export type TransportEvent =
  /** A connection is being made. */
  | { readonly type: 'connect'; readonly peer: PeerDescription }
  /** A channel is open, newly connected or taken over by its descriptor. */
  | { readonly type: 'connected'; readonly peer: PeerDescription }
  /** A channel has been upgraded to TLS. */
  | { readonly type: 'tls'; readonly peer: PeerDescription; readonly tls: TlsPeer }
  /** A channel that was open is closed. */
  | { readonly type: 'closed'; readonly peer: PeerDescription; readonly reason: CloseReason };

const channels = {
  connect: diagnosticsChannel('nbdjs:transport:connect'),
  connected: diagnosticsChannel('nbdjs:transport:connected'),
  tls: diagnosticsChannel('nbdjs:transport:tls'),
  closed: diagnosticsChannel('nbdjs:transport:closed'),
};

export function announceConnect(peer: PeerDescription): void {
  if (channels.connect.hasSubscribers) publish({ type: 'connect', peer });
}

export function announceTls(peer: PeerDescription, tls: TlsPeer): void {
  if (channels.tls.hasSubscribers) publish({ type: 'tls', peer, tls });
}

/** Publishes that the channel is open and, later, that it is closed. Returns the channel. */
export function announced<Channel extends ByteChannel>(channel: Channel): Channel {
  const { peer } = channel;
  if (channels.connected.hasSubscribers) publish({ type: 'connected', peer });
  void channel.closed.then((reason) => {
    if (channels.closed.hasSubscribers) publish({ type: 'closed', peer, reason });
  });
  return channel;
}

function publish(event: TransportEvent): void {
  channels[event.type].publish(event);
}
