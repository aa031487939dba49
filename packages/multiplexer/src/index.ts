/**
 * Many NBD requests over one or several connections: batching, splitting, alignment, limits, reconnecting and replay. Takes its
 * connections from a `Connector` and knows no sockets.
 *
 * @packageDocumentation
 */

export type * from '@nbdjs/interfaces';
export type { EventsOf } from '@nbdjs/kit';
export type { DeviceState } from './connections/reconnect-states.ts';
export type { DeviceEvent } from './device-events.ts';
export { type DeviceOptions, deviceOptions } from './device-options.ts';
export type { JournalOptions, JournalSettings } from './durability/journal-options.ts';
export { type MultiplexerEvents, multiplexerEvents } from './events.ts';
export { mismatchOf } from './export/export-traits.ts';
export type { StrictChecks } from './export/strict.ts';
export { createMultiplexer } from './multiplexer.ts';
export type { Multiplexer } from './multiplexer-interface.ts';
export { type ReplyLimitOptions, type ReplyLimits, replyLimits } from './replies/reply-limits.ts';
export type { MultiplexerOptions } from './settings.ts';
export type { Statistics } from './statistics.ts';
