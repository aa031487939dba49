/**
 * The NBD handshake as state machines: bytes in, bytes and facts out. No sockets, no clocks.
 *
 * @packageDocumentation
 */
export { ClientHandshake } from './client/client-handshake.ts';
export type { HandshakeEvent, OptionResult } from './client/events.ts';
export type { ClientHandshakeOptions, HandshakeLimits } from './client/options.ts';
export { type HandshakeState, handshakeStates, isFinal } from './client/states.ts';
