/** Publishes what happens to channels of bytes. */
import type { ByteChannel, PeerDescription, TlsPeer } from '@nbdjs/interfaces';
import { diagnosticsTrace } from '@nbdjs/node';
import { type TransportEvents, transportEvents } from './events.ts';

const trace = diagnosticsTrace<TransportEvents>(transportEvents);

export function announceConnect(peer: PeerDescription): void {
  if (trace.enabled) trace.emit('connect', { peer });
}

export function announceTls(peer: PeerDescription, tls: TlsPeer): void {
  if (trace.enabled) trace.emit('tls', { peer, tls });
}

/** Publishes that the channel is open and, later, that it is closed. Returns the channel. */
export function announced<Channel extends ByteChannel>(channel: Channel): Channel {
  const { peer } = channel;
  if (trace.enabled) trace.emit('connected', { peer });
  void channel.closed.then((reason) => {
    if (!trace.enabled) return;
    const error = 'cause' in reason ? reason.cause : undefined;
    trace.emit('closed', { peer, by: reason.by, ...(error === undefined ? {} : { error }) });
  });
  return channel;
}
