/**
 * Negotiated NBD connections: connecting, haggling, and trying again, on the caller's thread or on a thread for this purpose. Requests are
 * not a part of this package.
 *
 * @packageDocumentation
 */

export {
  type AvoidableOption,
  type ClientHandshakeOptions,
  clientHandshakeOptions,
  type HandshakeLimitOptions,
  type HandshakeLimits,
  handshakeLimits,
} from '@nbdjs/handshake';
export * from '@nbdjs/interfaces';
export type { EventsOf } from '@nbdjs/kit';
export type { ExportEntry } from '@nbdjs/protocol';
export type { Endpoint, TlsClientSettings } from '@nbdjs/transport';
export { longestDelaysMs } from './attempts/back-off.ts';
export {
  type ConnectorOptions,
  connectorOptions,
  type InlineConnectorOptions,
  type ThreadConnectorOptions,
} from './connectors/connector-options.ts';
export { type ChosenConnector, createConnector, type Delivery } from './connectors/create-connector.ts';
export {
  type CompareFacts,
  createFailoverConnector,
  type FailoverMember,
  type FailoverOptions,
  failoverOptions,
} from './connectors/failover-connector.ts';
export { createInlineConnector } from './connectors/inline-connector.ts';
export {
  createOpenerConnector,
  type OpenerConnectorOptions,
  openerConnectorOptions,
} from './connectors/opener-connector.ts';
export { type ConnectionEvents, connectionEvents } from './events.ts';
export { ExportInspector, type InspectorOptions, openInspector } from './inspection/export-inspector.ts';
export { type ExportInspection, type InspectOptions, inspectExport } from './inspection/inspect-export.ts';
export { leaveExport, leaveNegotiation } from './inspection/leave-taking.ts';
export { listExports } from './inspection/list-exports.ts';
export { type OpenNegotiationOptions, openNegotiation } from './inspection/open-negotiation.ts';
export type { RingSizes } from './kept/ring-link.ts';
export type { UpgradeTls } from './negotiation/handshake-driver.ts';
export { type NegotiateOptions, negotiate } from './negotiation/negotiate.ts';
export type { Negotiation } from './negotiation/negotiation.ts';
export type { OptionConversationOptions } from './negotiation/option-conversation.ts';
export { createThreadConnector } from './thread/thread-connector.ts';
export type { ThreadDelivery } from './thread/thread-messages.ts';
