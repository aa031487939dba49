/**
 * What only Node has: its compression.
 *
 * @packageDocumentation
 */
export type { Codecs, Deflate, Inflate } from '../codecs/codecs.ts';
export { nodeCodecs } from './node-codecs.ts';
