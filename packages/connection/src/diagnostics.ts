/** Where attempts to connect, and the handshakes in them, publish their events. */
import { type ClientHandshakeOptions, type HandshakeEvents, handshakeEvents } from '@nbdjs/handshake';
import { diagnosticsTrace } from '@nbdjs/node';
import { type ConnectionEvents, connectionEvents } from './events.ts';

export const connectionTrace = diagnosticsTrace<ConnectionEvents>(connectionEvents);

/** Used where the caller has given no trace for the handshake. */
export const handshakeTrace = diagnosticsTrace<HandshakeEvents>(handshakeEvents);

/** Has the events of the handshake published, unless the caller takes them. */
export function withTrace<Settings extends { readonly handshake: ClientHandshakeOptions }>(
  settings: Settings,
): Settings {
  const { trace = handshakeTrace, ...handshake } = settings.handshake;
  return { ...settings, handshake: { ...handshake, trace } };
}
