/**
 * Negotiated NBD connections: connecting, haggling, and trying again, on the caller's thread or on one of its own.
 * Knows nothing of requests.
 *
 * @packageDocumentation
 */
export type { AvoidableOption, ClientHandshakeOptions, HandshakeLimits } from '@nbdjs/handshake';
export * from '@nbdjs/interfaces';
export type { ExportEntry } from '@nbdjs/protocol';
export type { Endpoint, TlsClientSettings } from '@nbdjs/transport';
export type { AttemptSettings } from './attempt-settings.ts';
export { longestDelaysMs } from './back-off.ts';
export { type ChosenConnector, type ConnectorOptions, createConnector, type Delivery } from './create-connector.ts';
export type { ConnectionEvent } from './diagnostics.ts';
export type { UpgradeTls } from './handshake-driver.ts';
export { createInlineConnector, type InlineConnectorOptions } from './inline-connector.ts';
export { type NegotiateOptions, negotiate } from './negotiate.ts';
export type { Negotiation } from './negotiation.ts';
export { type OpenNegotiationOptions, openNegotiation } from './open-negotiation.ts';
export type { OptionConversationOptions } from './option-conversation.ts';
export type { RingSizes } from './ring-link.ts';
export { createThreadConnector, type ThreadConnectorOptions } from './thread-connector.ts';
export type { ThreadDelivery } from './thread-messages.ts';
