/** Publishes what happens to channels of bytes. */
import type { ByteChannel, PeerDescription, TlsPeer } from '@nbdjs/interfaces';
import { announceChannel } from '@nbdjs/kit';
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
export const announced = <Channel extends ByteChannel>(channel: Channel): Channel => announceChannel(trace, channel);
