/**
 * Many NBD requests over one or several connections: batching, splitting, alignment, limits, reconnecting and replay. Takes its
 * connections from a `Connector` and knows no sockets.
 *
 * @packageDocumentation
 */
export type * from '@nbdjs/interfaces';
export type { DeviceState } from './connections/reconnect-states.ts';
export type { StrictChecks } from './export/strict.ts';
export { createMultiplexer } from './multiplexer.ts';
export type { DeviceEvent, JournalOptions, Multiplexer, MultiplexerOptions } from './multiplexer-options.ts';
export type { ReplyLimits } from './replies/reply-limits.ts';
export type { Statistics } from './statistics.ts';
export { traceEvents } from './transmission-trace.ts';
