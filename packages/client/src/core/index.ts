/**
 * The NBD client without Node: for pages, Web Workers and other runtimes. `connect({ open, exportName })` gives a block device with web
 * streams, extents, cancelling and reconnecting, over any transport that opens byte channels.
 *
 * @packageDocumentation
 */
export type { HandshakeLimits } from '@nbdjs/connection/core';
export * from '../names.ts';
export { NbdClient } from './client.ts';
export { connect, type OpenerTarget, openClient } from './connect.ts';
export { type ConnectOptions, connectOptions, type OpenOptions } from './options.ts';
