/**
 * An NBD server for any `BlockDevice`, over any `ByteChannel`.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export type { EventsOf } from '@nbdjs/kit';
export type { ExportEntry } from '@nbdjs/protocol';
export type { AccessRules } from './admission/access-rules.ts';
export { createServer } from './create-server.ts';
export { type ServerEvents, serverEvents } from './events.ts';
export type { ClientDescription, Export, ExportProvider, ExportTable } from './exports/export.ts';
export type { Exported } from './exports/export-table.ts';
export { type ServeOptions, type Serving, serve, type ThreadedServeOptions, type ThreadedServing } from './serve.ts';
export type { Server } from './server.ts';
export { type GivenLimits, type ServerLimits, serverLimits } from './server-limits.ts';
export type { ServerOptions } from './server-options.ts';
export type { SessionDescription } from './session/session-description.ts';
export type { ClientCounts, CutOffReason, RefusalReason } from './statistics/client-counts.ts';
export type { Statistics } from './statistics/statistics.ts';
export { serveThread } from './threads/serve-thread.ts';
export type {
  DetachedSocket,
  DetachSocket,
  ThreadDefinition,
  ThreadedServerOptions,
  ThreadOptions,
  ThreadPlace,
  ThreadServing,
} from './threads/thread-options.ts';
export { canUseThreads, createThreadedServer, type ThreadedServer } from './threads/threaded-server.ts';
