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
export { ExportInspector, type InspectorOptions, openInspector } from './inspection/export-inspector.ts';
export { type ExportInspection, type InspectOptions, inspectExport } from './inspection/inspect-export.ts';
export { leaveExport, leaveNegotiation } from './inspection/leave-taking.ts';
export { listExports } from './inspection/list-exports.ts';
export { type NegotiateOptions, negotiate } from './negotiate.ts';
export type { Negotiation } from './negotiation.ts';
export { type OpenNegotiationOptions, openNegotiation } from './open-negotiation.ts';
export type { OptionConversationOptions } from './option-conversation.ts';
export type { RingSizes } from './ring-link.ts';
export { createThreadConnector, type ThreadConnectorOptions } from './thread-connector.ts';
export type { ThreadDelivery } from './thread-messages.ts';
