/**
 * An NBD server for any `BlockDevice`, over any `ByteChannel`.
 *
 * @packageDocumentation
 */
export type { TlsAllowance, TlsCertificates, TlsPeer, TlsServerKeys, TlsServerSettings } from '@nbdjs/transport';
export type { ClientDescription, Export, ExportProvider, ExportTable } from './exports.ts';
export { createServer, type Server, type ServerLimits, type ServerOptions, traceEvents } from './server.ts';
export type { SessionDescription } from './session.ts';
export type { Statistics } from './statistics.ts';
