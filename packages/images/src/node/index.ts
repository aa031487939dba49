/**
 * What only Node has: its compression.
 *
 * @packageDocumentation
 */
export type { Codecs, Deflate, Inflate, Unpack } from '../codecs/codecs.ts';
export { serveCompression } from './compression-thread.ts';
export {
  type CompressionThread,
  type CompressionThreads,
  type CompressionThreadsOptions,
  createCompressionThreads,
} from './compression-threads.ts';
export { nodeCodecs } from './node-codecs.ts';
