/**
 * Channels that need nothing of Node: pairs in memory, the ports between a page and its workers, and web streams.
 *
 * @packageDocumentation
 */

export * from '@nbdjs/interfaces';
export { adoptStream } from '../channels/adopt-web-streams.ts';
export { createMemoryPair, type MemoryPairOptions } from '../channels/memory-pair.ts';
export { adoptPort, type PortChannelOptions, type PortLike } from '../channels/port-channel.ts';
export type { BytesReader, BytesWriter, WebStreamPair } from '../channels/web-stream-channel.ts';
