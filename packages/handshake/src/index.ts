/**
 * The NBD handshake as state machines: bytes in, bytes and facts out. No sockets, no clocks.
 *
 * @packageDocumentation
 */

export type * from '@nbdjs/interfaces';
export type { EventsOf } from '@nbdjs/kit';
export type { ExportEntry, SelectedContext } from '@nbdjs/protocol';
export { ClientHandshake } from './client/client-handshake.ts';
export type { HandshakeEvent, OptionResult } from './client/events.ts';
export { disconnectRequest } from './client/farewell.ts';
export {
  type AvoidableOption,
  avoidableOptions,
  type ClientHandshakeOptions,
  clientHandshakeOptions,
  type HandshakeLimitOptions,
  type HandshakeLimits,
  handshakeLimits,
} from './client/options.ts';
export { type HandshakeState, type HandshakeTurn, handshakeStates, isFinal } from './client/states.ts';
export {
  type HandshakeEvents,
  handshakeEvents,
  type ServerHandshakeEvents,
  serverHandshakeEvents,
} from './events.ts';
export type { StateRow } from './script/state-row.ts';
export type { ExportPurpose, ServerHandshakeEvent } from './server/events.ts';
export type { ExportOffer, Refusal, ServedFacts } from './server/offer.ts';
export { ServerHandshake } from './server/server-handshake.ts';
export {
  type ServerHandshakeLimitOptions,
  type ServerHandshakeLimits,
  type ServerHandshakeOptions,
  type ServerTlsMode,
  serverHandshakeLimits,
  serverHandshakeOptions,
} from './server/settings.ts';
export { type ServerHandshakeState, type ServerHandshakeTurn, serverHandshakeStates } from './server/states.ts';
