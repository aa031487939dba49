/**
 * Files that are compressed with gzip, xz or Zstandard, as the disks that they have.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';

export type { Codecs, Deflate, Inflate, Unpack } from '../codecs/codecs.ts';
export type { BitmapFacts, ImageDevice, ImageFacts, ImageReferenceFacts, SnapshotFacts } from '../image-facts.ts';
export {
  type CompressedOptions,
  type Compression,
  detectCompression,
  openCompressed,
  type StoreMaker,
} from './open-compressed.ts';
