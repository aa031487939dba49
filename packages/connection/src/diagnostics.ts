/** Where attempts to connect, and the handshakes in them, publish their events. */
import { type HandshakeEvents, handshakeEvents } from '@nbdjs/handshake';
import { diagnosticsTrace } from '@nbdjs/node';
import { type ConnectionEvents, connectionEvents } from './events.ts';

export const connectionTrace = diagnosticsTrace<ConnectionEvents>(connectionEvents);

/** Used where the caller has given no trace for the handshake. */
export const handshakeTrace = diagnosticsTrace<HandshakeEvents>(handshakeEvents);
