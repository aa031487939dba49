/** Publishes what happens to channels over WebSocket and HTTP Upgrade. */
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import { diagnosticsTrace } from '@nbdjs/node';
import { type WebSocketPackageEvents, websocketEvents } from '../events.ts';

const trace = diagnosticsTrace<WebSocketPackageEvents>(websocketEvents);

export function announceConnect(peer: PeerDescription): void {
  if (trace.enabled) trace.emit('connect', { peer });
}

export function announceRefusal(peer: PeerDescription, status: number, reason: string): void {
  if (trace.enabled) trace.emit('refused', { peer, status, reason });
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
