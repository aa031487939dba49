/**
 * An NBD server for any `BlockDevice`, over any `ByteChannel`.
 *
 * @packageDocumentation
 */

export type { TlsAllowance, TlsCertificates, TlsPeer, TlsServerKeys, TlsServerSettings } from '@nbdjs/transport';
export type { AccessRules } from './access.ts';
export type { ClientCounts, CutOffReason, RefusalReason } from './clients.ts';
export type { ClientDescription, Export, ExportProvider, ExportTable } from './exports.ts';
export type { GivenLimits, ServerLimits } from './limits.ts';
export { createServer, type Server, type ServerOptions, traceEvents } from './server.ts';
export type { SessionDescription } from './session.ts';
export type { Statistics } from './statistics.ts';
