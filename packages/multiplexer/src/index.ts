/**
 * Many NBD requests over one connection at a time: batching, splitting, alignment, limits, and reconnecting. Takes its
 * connections from a `Connector` and knows no sockets.
 *
 * @packageDocumentation
 */
export type { LinkState } from './link.ts';
export { createMultiplexer, type Multiplexer, type MultiplexerOptions, type Statistics } from './multiplexer.ts';
export type { StrictChecks } from './strict.ts';
