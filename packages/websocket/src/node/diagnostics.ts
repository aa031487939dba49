/** Publishes what happens to channels over WebSocket and HTTP Upgrade. */
import type { ByteChannel, PeerDescription } from '@nbdjs/interfaces';
import { announceChannel } from '@nbdjs/kit';
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
export const announced = <Channel extends ByteChannel>(channel: Channel): Channel => announceChannel(trace, channel);
