/**
 * The seam to what a runtime has for compression.
 *
 * @packageDocumentation
 */
export type { Codecs, Deflate, Inflate } from './codecs.ts';
