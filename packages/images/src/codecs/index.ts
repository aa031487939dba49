/**
 * The seam to what a runtime has for compression, and codecs that run anywhere.
 *
 * @packageDocumentation
 */
export type { Codecs, Deflate, Inflate, Unpack } from './codecs.ts';
export { webCodecs } from './web-codecs.ts';
