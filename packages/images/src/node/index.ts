/**
 * What only Node has: its compression.
 *
 * @packageDocumentation
 */
export type { Codecs, Deflate, Inflate, Unpack } from '../codecs/codecs.ts';
export { nodeCodecs } from './node-codecs.ts';
