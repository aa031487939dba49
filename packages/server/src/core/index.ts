/**
 * The NBD server without Node: for pages, Web Workers and other runtimes. It has `createServer`; what listens, threads and rules about
 * addresses are in `@nbdjs/server`.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export type { EventsOf } from '@nbdjs/kit';
export type { ExportEntry } from '@nbdjs/protocol';
export type { AccessRules } from '../admission/access-rules.ts';
export { type ServerEvents, serverEvents } from '../events.ts';
export type { ClientDescription, Export, ExportProvider, ExportTable } from '../exports/export.ts';
export type { Server } from '../server.ts';
export { type GivenLimits, type ServerLimits, serverLimits } from '../server-limits.ts';
export type { ServerOptions } from '../server-options.ts';
export type { SessionDescription } from '../session/session-description.ts';
export type { ClientCounts, CutOffReason, RefusalReason } from '../statistics/client-counts.ts';
export type { Statistics } from '../statistics/statistics.ts';
export { createServer } from './create-server.ts';
