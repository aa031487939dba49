/**
 * Negotiated connections over any channel, without Node: for pages, Web Workers and other runtimes.
 *
 * @packageDocumentation
 */
export {
  type ClientHandshakeOptions,
  clientHandshakeOptions,
  type HandshakeLimitOptions,
  type HandshakeLimits,
  handshakeLimits,
} from '@nbdjs/handshake';
export * from '@nbdjs/interfaces';
export type { ExportEntry } from '@nbdjs/protocol';
export { type ConnectionEvents, connectionEvents } from '../events.ts';
export type { UpgradeTls } from '../negotiation/handshake-driver.ts';
export { type NegotiateOptions, negotiate } from '../negotiation/negotiate.ts';
export type { Negotiation } from '../negotiation/negotiation.ts';
export type { OptionConversationOptions } from '../negotiation/option-conversation.ts';
export { joinChannels } from './join-channels.ts';
export { type OpenNegotiationOptions, openNegotiation } from './open-negotiation.ts';
export {
  createOpenerConnector,
  type OpenerConnectorOptions,
  openerConnectorOptions,
} from './opener-connector.ts';
export { createPortConnector } from './port-connector.ts';
export { serveConnector } from './serve-connector.ts';
