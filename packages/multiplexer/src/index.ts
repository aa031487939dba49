/**
 * Many NBD requests over one or several connections: batching, splitting, alignment, limits, reconnecting and replay. Takes its
 * connections from a `Connector` and knows no sockets.
 *
 * @packageDocumentation
 */
export type * from '@nbdjs/interfaces';
export type { LinkState } from './link.ts';
export { createMultiplexer } from './multiplexer.ts';
export type { DeviceEvent, Multiplexer, MultiplexerOptions } from './multiplexer-options.ts';
export type { ReplyLimits } from './reply-limits.ts';
export type { JournalOptions } from './safeguard.ts';
export type { Statistics } from './statistics.ts';
export type { StrictChecks } from './strict.ts';
export { traceEvents } from './transmission-trace.ts';
