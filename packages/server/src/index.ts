/**
 * An NBD server for any `BlockDevice`, over any `ByteChannel`.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export type { ExportEntry } from '@nbdjs/protocol';
export type {
  AddressOf,
  ListenAddress,
  ListenTarget,
  TlsAllowance,
  TlsCertificates,
  TlsPeer,
  TlsServerKeys,
  TlsServerSettings,
} from '@nbdjs/transport';
export type { AccessRules } from './access.ts';
export type { ClientCounts, CutOffReason, RefusalReason } from './clients.ts';
export type { ClientDescription, Export, ExportProvider, ExportTable } from './exports.ts';
export type { GateLimits } from './gate.ts';
export type { GivenLimits, ServerLimits } from './limits.ts';
export { type Serving, serve } from './serve.ts';
export { createServer, type Server, type ServerOptions, traceEvents } from './server.ts';
export type { HandshakeBounds, SessionDescription } from './session.ts';
export type { Statistics } from './statistics.ts';
export type { TransmissionLimits } from './transmission.ts';
