/**
 * The conformance suite for authors of connectors, and the small server that it connects to. It needs Node's sockets, unlike the other suites.
 *
 * @packageDocumentation
 */
export { connectorConformance, connectorRules } from './connector-conformance.ts';
export type { ConnectorFactory, ConnectorUnderTest, ConnectorWishes } from './connector-under-test.ts';
export type { SocketAddress } from './socket-address.ts';
export { TinyServer, type TinyServerAddress, type TinyServerOptions, tinyServerExportBytes } from './tiny-server.ts';
