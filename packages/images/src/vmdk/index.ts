/**
 * Disks of VMware: sparse, stream-optimised, flat and in pieces ones read, stream-optimised ones written.
 *
 * @packageDocumentation
 */
export * from '@nbdjs/interfaces';

export type { Codecs, Deflate, Inflate, Unpack } from '../codecs/codecs.ts';
export type { BitmapFacts, ImageDevice, ImageFacts, ImageReferenceFacts, SnapshotFacts } from '../image-facts.ts';
export type { ImageReference, ImageResolver } from '../image-reference.ts';
export { openVmdk, type VmdkOptions } from './open-vmdk.ts';
export { type WriteVmdkOptions, writeVmdkStream } from './write-vmdk.ts';
